"""What the circuits are held against: exact Top-K, its limit of soft selection (sparsemax), and
single steps of inhibition.

Every function takes a numpy array or a torch tensor ``(..., unit)`` and returns its kind; Top-K
and sparsemax take labelled drives too, whose dim ``unit`` may stand anywhere. torch is imported
only if a tensor comes in. Sources: Bricken, Schaeffer, Olshausen & Kreiman (ICML 2023), Top-K
variants and Eq 2; Martins & Astudillo (2016), sparsemax; circuits, 2.2 and 2.8; sparse_coding, 2.3,
2.6 and 2.7.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import xarray as xr

from circuits.rest.fixed_points import threshold_linear_level
from drift.door import opened
from drift.door.quantities import Numbers
from drift.schema.labelled_form import RefusedInputError

Variant = Literal["keep", "subtract", "binary"]
VARIANTS = ("keep", "subtract", "binary")


@opened
def top_k_winners(drive: Numbers, winners: Any) -> Any:
    """Return which units are among the k most strongly driven; of units with equal drive those of
    lowest index win.

    Parameters
    ----------
    drive : array_like, xarray.DataArray or torch.Tensor
        I, (..., unit).
    winners : int
        k, from 1 to the number of units.

    Returns
    -------
    numpy.ndarray, xarray.DataArray or torch.Tensor
        (..., unit) bool, exactly k of them true.

    Raises
    ------
    RefusedInputError
        If k is no whole number between 1 and the units, or the drive holds NaN.
    """
    return _along_units(drive, _winners, winners)


def _winners(drive: Any, winners: int) -> Any:
    drive = _detached(_checked(drive))
    level = _kth_largest(drive, _checked_winners(winners, drive.shape[-1]))
    above, tied = drive > level, drive == level
    remaining = winners - above.sum(-1)[..., None]
    return above | (tied & (tied.cumsum(-1) <= remaining))


def top_k(drive: Any, winners: int, variant: Variant = "keep") -> Any:
    """Return the rates of an exact Top-K.

    ``keep``: the drive of the k most strongly driven units, 0 for all others. ``subtract``: [I_i -
    I_(k)]_+ with the k-th largest drive I_(k) held constant in the derivative, so that the k-th
    unit itself is silent. ``binary``: 1 for the winners, without derivative.

    Parameters
    ----------
    drive : array_like or torch.Tensor
        I, (..., unit). ``keep`` returns a negative drive that wins as it is: rectify first where
        rates are wanted.
    winners : int
        k, from 1 to the number of units; of units with equal drive those of lowest index win.
    variant : {"keep", "subtract", "binary"}
        What becomes of the winners.

    Returns
    -------
    numpy.ndarray or torch.Tensor
        (..., unit).

    Raises
    ------
    RefusedInputError
        If k is no whole number between 1 and the units, the drive holds NaN, or the variant is
        unknown.
    """
    if variant not in VARIANTS:
        raise RefusedInputError(
            f"variant {variant!r} of Top-K is unknown: use one of {', '.join(VARIANTS)}."
        )
    return _along_units(drive, _top_k, winners, variant)


def _top_k(drive: Any, winners: int, variant: Variant) -> Any:
    drive = _checked(drive)
    if variant == "subtract":
        return _rectified(
            drive - _kth_largest(_detached(drive), _checked_winners(winners, drive.shape[-1]))
        )
    selected = _winners(drive, winners)
    if variant == "keep":
        return _where(selected, drive)
    return selected.to(drive.dtype) if _is_tensor(drive) else selected.astype(float)


@opened
def sparsemax(drive: Numbers, total: Numbers = 1.0) -> Any:
    """Return the point of the simplex that is nearest to the drive: the threshold interneuron with
    infinite gain.

    E_i = [I_i - lambda]_+ with sum_i E_i = theta, hence lambda = (S_k - theta) / k.

    Parameters
    ----------
    drive : array_like or torch.Tensor
        I, (..., unit).
    total : float or array
        theta, (...), above 0.

    Returns
    -------
    numpy.ndarray or torch.Tensor
        (..., unit), unchanged when one number is added to all drives.

    Raises
    ------
    RefusedInputError
        If the drive holds NaN or the total is not positive.
    """
    return _along_units(drive, _sparsemax, total)


def _sparsemax(drive: Any, total: Any) -> Any:
    drive = _checked(drive)
    if not bool((np.asarray(total) > 0).all() if not _is_tensor(total) else (total > 0).all()):
        raise RefusedInputError(
            f"total must be above 0, got {total}: rates that sum to 0 are all silent."
        )
    if np.ndim(total) and tuple(np.shape(total)) != tuple(drive.shape[:-1]):
        raise RefusedInputError(
            f"total must be one number, or one for each drive {tuple(drive.shape[:-1])}, got "
            f"shape {np.shape(total)}."
        )
    if _is_tensor(drive):
        from circuits.rest.layers import threshold_linear_rate

        return threshold_linear_rate(drive, np.inf, total)
    return _rectified(drive - threshold_linear_level(drive, np.inf, total)[0][..., np.newaxis])


def explaining_away_step(drive: Any, weights: Any) -> Any:
    """Return the membrane states after one full step of mutual inhibition, mu_1 = I - G [I]_+.

    One forward-Euler step of explaining away with dt = tau, as trained networks use it; its
    rectified states are the rates. It is not the circuit's fixed point.

    Parameters
    ----------
    drive : array_like or torch.Tensor
        I = mu_0, (..., unit).
    weights : numpy.ndarray or torch.Tensor
        G, (unit, unit), from the second to the first.

    Returns
    -------
    numpy.ndarray or torch.Tensor
        (..., unit), of either sign.

    References
    ----------
    Bricken et al. 2023, Eq 2 with t* = 1 and gamma = 1.
    """
    drive = _checked(drive)
    return drive - _rectified(drive) @ weights.T


def interneuron_step(drive: Any, read_in: Any, read_out: Any, bias: Any = 0.0) -> Any:
    """Return the membrane states after one full step of inhibition by one interneuron, mu_1 = I - d
    [e . [I]_+ + b]_+.

    Parameters
    ----------
    drive : array_like or torch.Tensor
        I = mu_0, (..., unit).
    read_in, read_out : numpy.ndarray or torch.Tensor
        e and d, (unit,) each: onto the interneuron and back.
    bias : float or tensor
        b, of the interneuron.

    Returns
    -------
    numpy.ndarray or torch.Tensor
        (..., unit), of either sign.

    References
    ----------
    Bricken et al. 2023, single interneuron; the published code rectifies the interneuron and gives
    it a bias.
    """
    drive = _checked(drive)
    interneuron = _rectified(_rectified(drive) @ read_in + bias)  # (...)
    return drive - interneuron[..., None] * read_out


def _along_units(drive: Any, compute: Callable[..., Any], *numbers: Any) -> Any:
    """Return what is computed along the dim ``unit`` of labelled drives, whatever its place, or
    along the last dim of others."""
    if not isinstance(drive, xr.DataArray):
        return compute(drive, *numbers)
    if "unit" not in drive.dims:
        raise RefusedInputError(
            f"the drive has dims {drive.dims} and no dim 'unit': name the dim of the "
            "excitatory units 'unit'."
        )
    moved = drive.transpose(..., "unit")
    return moved.copy(data=compute(moved.values, *numbers)).drop_attrs().transpose(*drive.dims)


def _is_tensor(array: Any) -> bool:
    torch = sys.modules.get("torch")  # whoever holds a tensor has imported it
    return torch is not None and isinstance(array, torch.Tensor)


def _checked(drive: Any) -> Any:
    drive = drive if _is_tensor(drive) else np.asarray(drive, dtype=float)
    if drive.ndim == 0 or drive.shape[-1] == 0:
        raise RefusedInputError(
            f"the drive has shape {tuple(drive.shape)} and no units along its last dim: pass "
            "(..., unit)."
        )
    faulty = int((drive != drive).sum())  # only NaN differs from itself
    if faulty:
        raise RefusedInputError(
            f"the drive holds {faulty} values that are NaN: fill or drop them, they cannot be "
            "ordered."
        )
    return drive


def _checked_winners(winners: Any, units: int) -> int:
    if (
        isinstance(winners, bool)
        or not isinstance(winners, int | np.integer)
        or not 1 <= winners <= units
    ):
        raise RefusedInputError(
            f"winners must be a whole number from 1 to the {units} units of the drive, got "
            f"{winners!r}."
        )
    return int(winners)


def _detached(drive: Any) -> Any:
    return drive.detach() if _is_tensor(drive) else drive


def _rectified(values: Any) -> Any:
    return values.relu() if _is_tensor(values) else np.maximum(values, 0.0)


def _where(selected: Any, drive: Any) -> Any:
    return drive.where(selected, 0) if _is_tensor(drive) else np.where(selected, drive, 0.0)


def _kth_largest(drive: Any, winners: int) -> Any:
    """Return I_(k), (..., 1), without sorting all units."""
    place = drive.shape[-1] - winners
    if _is_tensor(drive):
        return drive.kthvalue(place + 1, dim=-1, keepdim=True).values
    return np.partition(drive, place, axis=-1)[..., place : place + 1]
