"""The door of pictures that draw what one function returns: another Dataset is refused before
anything is drawn."""

from __future__ import annotations

from collections.abc import Iterable

import xarray as xr

from drift.errors import RefusedInputError

PAIRS = ("subject", "session", "session_other")
NUMBERS = "fiu"  # kinds of dtypes: no truth values, text, dates or complex numbers


def refuse_other_result(result: xr.Dataset, maker: str, **dims: Iterable[str]) -> None:
    """Refuse a Dataset without the variables that a picture draws.

    Parameters
    ----------
    result : xarray.Dataset
    maker : str
        Function that returns what is drawn, such as "metrics.hazard".
    **dims
        Dims by variable, in any order.

    Raises
    ------
    RefusedInputError
        If a variable is missing, has other dims, or holds no real numbers.
    """
    for name, of_variable in dims.items():
        refuse_other_array(result.get(name), name, maker, of_variable)


def refuse_other_array(
    array: xr.DataArray | None, name: str, maker: str, dims: Iterable[str] = PAIRS
) -> None:
    """Refuse an array of other dims, or of other things than real numbers.

    Parameters
    ----------
    array : xarray.DataArray or None
        None where it is missing.
    name : str
        What the picture draws.
    maker : str
        Function that returns it.
    dims : iterable of str
        In any order.

    Raises
    ------
    RefusedInputError
        If it does not fit.
    """
    names = tuple(dims)
    if array is None or set(array.dims) != set(names) or array.dtype.kind not in NUMBERS:
        raise RefusedInputError(
            f"{name} ({', '.join(names)}) in numbers was expected to be drawn, got "
            f"{_shown(array)}: pass the result of {maker}."
        )
    if name.endswith(("_error", "_deviation")) and bool((array < 0).any()):
        raise RefusedInputError(
            f"{name} was expected to be 0 or more, got {float(array.min()):g}: pass the result of "
            f"{maker} as it is."
        )


def refuse_other_labels(result: xr.Dataset, dim: str, labels: Iterable[str], maker: str) -> None:
    """Refuse a dim without the labels that a picture tells apart.

    Parameters
    ----------
    result : xarray.Dataset
    dim : str
    labels : iterable of str
        Each once.
    maker : str
        Function that returns what is drawn.

    Raises
    ------
    RefusedInputError
        If one is missing, or there are others, or one comes twice.
    """
    present = [str(label) for label in result[dim].values] if dim in result.coords else []
    if sorted(present) != sorted(labels):
        raise RefusedInputError(
            f"{dim} was expected to have the labels {', '.join(labels)}, got "
            f"{', '.join(present) or 'none'}: pass the result of {maker}."
        )


def _shown(array: xr.DataArray | None) -> str:
    if array is None:
        return "a Dataset without it"
    return f"dims ({', '.join(map(str, array.dims))}) of {array.dtype}"
