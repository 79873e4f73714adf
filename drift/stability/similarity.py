"""How alike sessions are, as seen, at best, and with the noise taken out."""

from __future__ import annotations

import xarray as xr

from drift.errors import RefusedInputError
from drift.metrics.decoders.triple import COUNTS, TRIPLE
from drift.metrics.intervals.subjects import error_over_subjects
from drift.metrics.maps import smoothed
from drift.metrics.stability.ceiling import correlation_ceiling
from drift.metrics.stability.corrected import corrected_similarity
from drift.metrics.stability.correlations import (
    PAIRS,
    ensemble_rate_correlation,
    mean_rate_map_correlation,
    population_vector_correlation,
)
from drift.metrics.stability.halves import reliability, within_session_correlation
from drift.metrics.stability.unit_drift import drift_index
from drift.metrics.time_course.lags import drift_rate
from drift.schema.map_dims import STIMULUS, map_dim, map_dims
from drift.stability.material import Material

Arrays = dict[str, xr.DataArray]
CERTAIN = 2.0
ROUNDING = 1e-9  # of a number of events that was taken apart into rates and put together again


def active_flags(material: Material) -> xr.DataArray:
    """(subject, session, unit) bool, units with events enough at valid places.

    Parameters
    ----------
    material : Material
    """
    rate, cells = material.maps["rate"], map_dims(material.maps["rate"])
    if material.least_events == 0:
        return (rate > 0).any(cells)
    events = (rate * material.maps["occupancy"]).sum(cells)
    return events >= material.least_events * (1 - ROUNDING)


def compared_maps(material: Material) -> xr.Dataset:
    """Smoothed maps, whose ``place_unit`` are the units that are compared: those active.

    Parameters
    ----------
    material : Material
    """
    maps, flags = material.maps, active_flags(material).astype(float)
    spread = 0.0 if map_dim(maps) == STIMULUS else material.rules.smoothing
    names = [name for name in ("rate", "rate_half") if name in maps]
    wide = {name: smoothed(maps[name], spread) if spread else maps[name] for name in names}
    attrs = {"units": "1", "long_name": "units that are compared"}
    return maps.assign({**wide, "place_unit": flags.assign_attrs(attrs)})


def plain_similarity(material: Material) -> Arrays:
    """Published correlations of whole sessions: rate maps of units active in both, population
    vectors of these, and mean rates of all units observed.

    Parameters
    ----------
    material : Material
    """
    maps, keep = compared_maps(material), active_flags(material)
    return {
        "rate_map_correlation": _of_active(mean_rate_map_correlation(maps)),
        "population_vector_correlation": population_vector_correlation(maps, keep),
        "ensemble_rate_correlation": ensemble_rate_correlation(material.maps),
    }


def noise_of_maps(material: Material) -> Arrays:
    """Correlation of two halves of each session, and what that of whole sessions is at best.

    Parameters
    ----------
    material : Material
    """
    require_halves(material)
    maps = compared_maps(material)
    return {"reliability": reliability(maps), "correlation_ceiling": correlation_ceiling(maps)}


def similarity_without_noise(material: Material) -> Arrays:
    """Similarities of ``plain_similarity`` with the noise taken out; that of rate maps where halves
    of both sessions are alike at all.

    Parameters
    ----------
    material : Material
    """
    require_halves(material)
    maps, keep = compared_maps(material), active_flags(material)
    vectors = corrected_similarity(maps, "population_vector", keep=keep)
    return {
        "corrected_similarity": maps_without_noise(material),
        "corrected_population_vector_similarity": vectors,
        "corrected_ensemble_rate_similarity": corrected_similarity(material.maps, "ensemble_rate"),
    }


def maps_without_noise(material: Material) -> xr.DataArray:
    """Similarity of rate maps with the noise taken out, where halves of both sessions are alike.

    Parameters
    ----------
    material : Material
    """
    require_halves(material)
    maps, keep = compared_maps(material), active_flags(material)
    return _of_active(corrected_similarity(maps).where(_both_reliable(maps, keep)))


def _of_active(similarity: xr.DataArray) -> xr.DataArray:
    """With its meaning: tables of place units call other numbers by the same name."""
    meaning = str(similarity.attrs.get("long_name", ""))
    return similarity.assign_attrs(long_name=f"{meaning}; smoothed maps, units active in both")


def _both_reliable(maps: xr.Dataset, keep: xr.DataArray) -> xr.DataArray:
    """(subject, session, session_other) bool, pairs of sessions whose reliability, the mean over
    units, is more than ``CERTAIN`` standard errors above 0: a ratio to less would be noise."""
    within = within_session_correlation(maps, keep=keep)
    error = error_over_subjects(within, "unit")
    reliable = within.mean("unit") > CERTAIN * error
    bare = reliable.drop_vars("session", errors="ignore")
    return (bare & bare.rename(session="session_other")).transpose(*PAIRS)


def index_of_drift(material: Material) -> Arrays:
    """Mean drift index over the units active in both sessions.

    Parameters
    ----------
    material : Material
    """
    require_halves(material)
    index = drift_index(compared_maps(material), keep=active_flags(material))
    mean = index.mean("unit").assign_attrs(units="1", long_name="mean index of drift over units")
    return {"mean_drift_index": mean}


def rate_of_drift(material: Material) -> Arrays:
    """Similarity without noise that is lost a unit of time.

    Parameters
    ----------
    material : Material
    """
    rate = drift_rate(maps_without_noise(material), material.maps["elapsed"])
    if not bool(rate["drift_rate"].notnull().any()):
        raise RefusedInputError(
            "a rate needs pairs of sessions of one room at two different times apart, got fewer: "
            "record a third session."
        )
    return {name: rate[name] for name in ("drift_rate", "intercept")}


def decoder_errors(material: Material) -> Arrays:
    """Errors of a fixed readout, of one refitted, and of the fixed one with units in disorder.

    Parameters
    ----------
    material : Material
    """
    if "decoder triple" in material.absent:
        raise RefusedInputError(material.absent["decoder triple"])
    return {name: material.maps[name] for name in (*TRIPLE, *COUNTS) if name in material.maps}


def require_halves(material: Material) -> None:
    """Refuse what takes the noise of maps out, where it is not known.

    Parameters
    ----------
    material : Material

    Raises
    ------
    RefusedInputError
        If there are no halves.
    """
    if material.halves == "none":
        raise RefusedInputError(material.absent["noise of maps"])
