"""What slow excitability makes of the sets of active units."""

from __future__ import annotations

from typing import Any

from drift.door import opened
from drift.door.quantities import Alike
from drift.theory.code_drift.closed_forms import active_set_overlap


@opened
def excitable_correlation(drive_std: Alike, std: Alike, autocorrelation: Alike) -> Any:
    """Correlation over units of the drive of two times, (s_d^2 + s_e^2 r) / (s_d^2 + s_e^2).

    Parameters
    ----------
    drive_std : float or array
        s_d, standard deviation over units of the drive without excitability.
    std : float or array
        s_e, standard deviation of the excitability that is added to it.
    autocorrelation : float or array
        r of the excitability between the two times, such as exp(-lag / lifetime).

    Returns
    -------
    float or array
    """
    total = drive_std**2 + std**2
    return (drive_std**2 + std**2 * autocorrelation) / total


@opened
def excitable_overlap(
    drive_std: Alike, std: Alike, autocorrelation: Alike, active_fraction: Alike
) -> Any:
    """Share of the units active for a stimulus that are active for it again at another time, where
    only their excitability has changed.

    L(c) / f with the joint activation L of two Gaussian drives of correlation c =
    ``excitable_correlation``; f is the share of active units.

    Parameters
    ----------
    drive_std, std, autocorrelation
        As for ``excitable_correlation``.
    active_fraction : float or array
        f in (0, 1).

    Returns
    -------
    float or array
        From 1 at once to the overlap that the fixed drive keeps.

    Raises
    ------
    RefusedInputError
        If a correlation or a fraction is out of range.

    References
    ----------
    The formula of drifting weights, ``drift.theory.code_drift.active_set_overlap``, in which
    excitability stands for the weights (Delamare et al. 2024 for the mechanism); sampled twin
    ``sampled_excitable_overlap``.
    """
    return active_set_overlap(
        excitable_correlation(drive_std, std, autocorrelation), active_fraction
    )
