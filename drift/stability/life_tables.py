"""Who returns, who stays, and how far fields move."""

from __future__ import annotations

from typing import Literal

import numpy as np
import xarray as xr

from drift.errors import RefusedInputError
from drift.metrics.fields.density import centroid_density
from drift.metrics.fields.detection import place_fields
from drift.metrics.fields.hazards import hazard
from drift.metrics.fields.increments import field_diffusion
from drift.metrics.fields.life_times import survival
from drift.metrics.fields.regions import grid_of
from drift.metrics.fields.returning import recurrence
from drift.metrics.fields.shifts import BINS, field_shift, shift_distribution
from drift.stability.material import Material
from drift.stability.similarity import Arrays, active_flags

Members = Literal["active", "place"]
WHOLE = ("recurrence", "base_rate", "shared_members")
OF_HALVES = (
    "recurrence_of_halves", "base_rate_of_halves", "recurrence_by_noise", "recurrence_corrected",
)  # fmt: skip


def _of_group(measured: xr.Dataset, names: tuple[str, ...], group: str) -> Arrays:
    return {name: measured[name].expand_dims(group=[group], axis=-1) for name in names}


def _recurrence(material: Material, group: Members) -> xr.Dataset:
    least = material.least_events if group == "active" else 0.0
    return recurrence(material.maps, group, minimum_events=least)


def returning(material: Material, group: Members) -> Arrays:
    """Share of members that are so again, and the base rate.

    Parameters
    ----------
    material : Material
    group : {"active", "place"}
    """
    return _of_group(_recurrence(material, group), WHOLE, group)


def returning_in_halves(material: Material, group: Members) -> Arrays:
    """The same between halves of sessions, what noise of the test gives alone, and what is left
    without it.

    Parameters
    ----------
    material : Material
    group : {"active", "place"}
    """
    if material.halves == "none":
        raise RefusedInputError(material.absent["noise of maps"])
    if group == "place" and "place_unit_half" not in material.maps:
        raise RefusedInputError(
            "place units of halves are not in the maps, whose test needs frames: measure the "
            "sessions with half_place_units=True."
        )
    return _of_group(_recurrence(material, group), OF_HALVES, group)


def lasting(material: Material, group: Members) -> Arrays:
    """Survival of members, and gains and losses from session to session.

    Parameters
    ----------
    material : Material
    group : {"active", "place"}
    """
    least = material.least_events if group == "active" else 0.0
    curve = survival(material.maps, group, minimum_events=least)
    curve = curve.rename(standard_error="survival_standard_error")
    names = ("survival", "survival_standard_error", "at_risk", "losses_at_age", "censored")
    return _of_group(curve, (*names, "gains", "losses", "out_before", "in_before"), group)


def leaving(material: Material, group: Members) -> Arrays:
    """Hazard by age, and the test whether it is constant.

    Parameters
    ----------
    material : Material
    group : {"active", "place"}
    """
    least = material.least_events if group == "active" else 0.0
    table = hazard(material.maps, group, minimum_events=least)
    if not bool(table["constant_hazard"].notnull().any()):
        raise RefusedInputError(
            "ages are known of members that were observed to join, got none that was followed: "
            "record more sessions, or take metrics.hazard of all stays."
        )
    table = table.rename(standard_error="hazard_standard_error", p_value="hazard_p_value")
    names = ("hazard", "hazard_standard_error", "constant_hazard", "hazard_p_value")
    return _of_group(table, names, group)


def _fields(material: Material) -> xr.Dataset:
    """Fields of the units that are active in the session."""
    return place_fields(material.maps["rate"].where(active_flags(material)))


def shifting(material: Material) -> Arrays:
    """Shares of shifts and of jumps of the largest fields, and what shuffled identities give.

    Parameters
    ----------
    material : Material
    """
    fields = _fields(material)
    moved = field_shift(fields)
    shares = shift_distribution(fields, _edges(material.maps["rate"]))
    names = ("jumps", "jumps_by_chance", "fields_compared")
    arrays = {name: moved[name] for name in names}
    return arrays | {f"shift_{name}": shares[name] for name in ("share", "share_by_chance")}


def _edges(rate: xr.DataArray) -> np.ndarray | None:
    """Bins of shifts up to the length of the track, so that no subject changes those of another; on
    a ring the usual ones."""
    grid = grid_of(rate)
    if grid.length is not None:
        return None
    axes = grid.centres.shape[1]
    width = grid.bin_measure ** (1 / axes)
    longest = float(np.sqrt(((np.ptp(grid.centres, axis=0) + width) ** 2).sum()))
    return np.linspace(-longest if axes == 1 else 0.0, longest, BINS + 1)


def shifting_in_halves(material: Material) -> Arrays:
    """Share of jumps between halves of two sessions, and between the two halves of one: noise
    alone.

    Parameters
    ----------
    material : Material
    """
    whole = field_shift(_fields(material))["jumps"]
    if material.halves == "exact":
        return {"jumps_of_halves": whole, "jumps_by_noise": 0 * whole}
    if material.halves == "none":
        raise RefusedInputError(material.absent["noise of maps"])
    between = _jumps_of_halves(material)  # (subject, session, half, session, half)
    sessions = np.arange(between.shape[1])
    within = between[:, sessions, 0, sessions, 1]  # (subject, session)
    noise = (within[:, :, np.newaxis] + within[:, np.newaxis]) / 2
    apart = whole.copy(data=between.mean(axis=(2, 4)))
    return {"jumps_of_halves": apart, "jumps_by_noise": whole.copy(data=noise).where(apart >= 0)}


def _jumps_of_halves(material: Material) -> np.ndarray:
    """Each half stands as a session of its own."""
    rate = material.maps["rate_half"].where(active_flags(material))
    session, half = np.divmod(np.arange(2 * rate.sizes["session"]), 2)
    index = {"session": session, "half": half}
    apart = rate.isel({dim: xr.DataArray(at, dims="session") for dim, at in index.items()})
    jumps = field_shift(place_fields(apart.drop_vars("half", errors="ignore")))["jumps"]
    return np.asarray(jumps.values.reshape(len(jumps), session.size // 2, 2, session.size // 2, 2))


def moving(material: Material) -> Arrays:
    """Mean squared displacement of centroids with their noise taken out, its exponent, and whether
    increments are Gaussian.

    Parameters
    ----------
    material : Material
    """
    if material.halves == "none":
        raise RefusedInputError(material.absent["noise of maps"])
    walk = field_diffusion(material.maps, minimum_events=material.least_events)
    return {
        name: walk[name]
        for name in ("mean_squared_displacement", "excess_kurtosis", "diffusion_exponent")
    }


def crowding(material: Material) -> Arrays:
    """Share of fields at each place against the time spent there, with a band of fields dealt
    anew.

    Parameters
    ----------
    material : Material
    """
    density = centroid_density(material.maps, seed=material.rules.seed)
    return {f"field_{name}": array for name, array in density.data_vars.items()}
