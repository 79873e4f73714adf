"""The design that finds an effect often enough at the least cost."""

from __future__ import annotations

import xarray as xr

from drift.door import opened
from drift.door.quantities import Share
from drift.errors import RefusedInputError
from drift.planning.design import StudyDesign
from drift.planning.grid import GRID


@opened
def cheapest_design(power: xr.Dataset, target: Share = 0.8) -> StudyDesign | None:
    """Return the cheapest design of a grid whose power less its Monte Carlo error reaches a target.

    Parameters
    ----------
    power : xarray.Dataset
        Of ``drift.power``.
    target : float
        Power that is wanted.

    Returns
    -------
    StudyDesign or None
        Of equal costs the one with more power; None if none of the grid reaches the target. Its
        ``cost`` is that of ``power["cost"]``.

    Raises
    ------
    RefusedInputError
        If the Dataset is none of ``power``.
    """
    missing = [name for name in ("power", "standard_error", "cost") if name not in power]
    if missing or "design" not in power.attrs:
        raise RefusedInputError(
            f"a result of drift.power is needed, got a Dataset without {', '.join(missing)}: "
            "compute the power of a grid first."
        )
    enough = power["power"] - power["standard_error"] >= target
    if not bool(enough.any()):
        return None
    flat = power.stack(design_number=GRID).where(enough.stack(design_number=GRID), drop=True)
    order = sorted(
        range(flat.sizes["design_number"]),
        key=lambda row: (float(flat["cost"][row]), -float(flat["power"][row])),
    )
    best = flat.isel(design_number=order[0])
    whole = {"animals", "units", "sessions"}
    numbers = {
        name: int(best[name]) if name in whole else float(best[name].item()) for name in GRID
    }
    return StudyDesign.from_json(power.attrs["design"]).replace(**numbers)
