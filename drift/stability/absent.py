"""What could not be measured, and why."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import pandas as pd
import xarray as xr

from drift.door import opened
from drift.errors import RefusedInputError, SchemaError

ABSENT = "absent"  # attribute: reasons by measure, as JSON
WHY = "why_undefined"  # attribute of an array: the reason, where it may be NaN throughout
UNDEFINED = "it is not defined for any unit, session or pair of sessions of this source."


@opened
def absent_measures(stability: xr.Dataset) -> pd.DataFrame:
    """Measures that a source does not give, and why.

    Parameters
    ----------
    stability : xarray.Dataset
        Of ``drift.code_stability``.

    Returns
    -------
    pandas.DataFrame
        ``measure`` and ``reason``, a sentence; without rows where nothing is absent.

    Raises
    ------
    RefusedInputError
        If the Dataset is of another kind.
    """
    try:
        reasons = dict(json.loads(str(stability.attrs[ABSENT])))
    except (KeyError, TypeError, ValueError):
        raise RefusedInputError(
            "the attribute absent was expected, which tells what was not measured, got a Dataset "
            "without it: pass the result of drift.code_stability."
        ) from None
    return pd.DataFrame(list(reasons.items()), columns=["measure", "reason"])


def reason_for(stability: xr.Dataset, measure: str, variable: str) -> str:
    """Why a variable is absent; empty where it is there.

    Parameters
    ----------
    stability : xarray.Dataset
        Of ``drift.code_stability``.
    measure : str
        That the variable belongs to, as ``absent_measures`` calls it.
    variable : str
    """
    if variable in stability:
        return ""
    reasons = dict(absent_measures(stability).itertuples(index=False))
    return str(reasons.get(measure, reasons.get(f"{measure}: {variable}", UNDEFINED)))


def measured_or_reasons(
    name: str, measure: Callable[[], Mapping[str, xr.DataArray]]
) -> tuple[dict[str, xr.DataArray], dict[str, str]]:
    """Arrays with numbers by their names, and why others are absent.

    Parameters
    ----------
    name : str
        What is measured, in words.
    measure : callable
        It may refuse.

    Returns
    -------
    arrays : dict of str to xarray.DataArray
        Without those that are NaN throughout.
    reasons : dict of str to str
        By ``name`` where nothing was measured, by it and the name of the array where one is left
        out.
    """
    try:
        arrays = measure()
    except (RefusedInputError, SchemaError) as refusal:
        return {}, {name: str(refusal)}
    present = {key: array for key, array in arrays.items() if bool(array.notnull().any())}
    undefined = {key: array for key, array in arrays.items() if key not in present}
    return present, {
        f"{name}: {key}": str(array.attrs.get(WHY, UNDEFINED)) for key, array in undefined.items()
    }
