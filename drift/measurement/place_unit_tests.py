"""Which units of a session are place units, in the whole session and in its halves."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from drift.measurement.rules import SIGNIFICANCE, Measurement
from drift.metrics.activity import event_counts
from drift.metrics.clocks import durations
from drift.metrics.directions import in_each_direction
from drift.metrics.information.significance import circular_shift_p_values, place_units
from drift.metrics.information.skaggs import spatial_information
from drift.metrics.labels import described, observed_units
from drift.streams import stream


def session_generator(session: xr.Dataset, rules: Measurement) -> np.random.Generator:
    """A stream of its own for every session number: what other sessions or subjects were measured
    changes nothing."""
    return stream(rules.seed, "shuffle", int(session["session"].item()))


def significant(
    session: xr.Dataset,
    activity: xr.DataArray,
    place: xr.DataArray,
    direction: xr.DataArray | None,
    rules: Measurement,
) -> xr.DataArray:
    """1 for units with enough events while moving whose information beats circular shifts.

    Parameters
    ----------
    session : xarray.Dataset
        Samples that count.
    activity : xarray.DataArray
        (sample, unit) of these.
    place : xarray.DataArray
        (sample) number of the place, or of the place and direction.
    direction : xarray.DataArray or None
        (sample) where each running direction is tested by itself.
    rules : Measurement

    Returns
    -------
    xarray.DataArray
        (unit[, direction]) NaN where the unit was not observed.
    """
    rng = session_generator(session, rules)
    return _tested(session, activity, place, direction, rules, rules.minimum_events, rng)


def significant_in_halves(
    session: xr.Dataset,
    activity: xr.DataArray,
    place: xr.DataArray,
    direction: xr.DataArray | None,
    halves: Mapping[str, xr.DataArray],
    half_of: np.ndarray | None,
    rules: Measurement,
) -> dict[str, xr.DataArray]:
    """Place units of both halves by the rule of the session, at half the events; nothing where they
    are not to be kept.

    Parameters
    ----------
    session, activity, place, direction, rules
        As in ``significant``.
    halves : mapping
        ``rate_half`` and ``occupancy_half``.
    half_of : numpy.ndarray or None
        (sample) 0, 1, or -1 for neither.

    Returns
    -------
    dict of str to xarray.DataArray
        ``place_unit_half`` (unit, half); with directions apart, place units in either.
    """
    if not rules.half_place_units or half_of is None:
        return {}
    if not rules.shuffles:
        information = spatial_information(
            halves["rate_half"], halves["occupancy_half"], directions=rules.directions
        )
        flags = place_units(information, observed_units(activity))
    else:
        # the first child is that of corrected information
        streams = session_generator(session, rules).spawn(3)[1:]
        flags = xr.concat(
            [
                _tested(
                    session.isel(sample=samples),
                    activity.isel(sample=samples),
                    place.isel(sample=samples),
                    None if direction is None else direction.isel(sample=samples),
                    rules,
                    rules.minimum_events / 2,
                    rng,
                )
                for samples, rng in zip((half_of == 0, half_of == 1), streams)
            ],
            "half",
        )
    flags = flags.max("direction") if "direction" in flags.dims else flags
    return {"place_unit_half": described(flags.transpose("unit", "half"), "place_unit_half")}


def _tested(
    session: xr.Dataset,
    activity: xr.DataArray,
    place: xr.DataArray,
    direction: xr.DataArray | None,
    rules: Measurement,
    minimum_events: float,
    rng: np.random.Generator,
) -> xr.DataArray:
    shift = max(1, round(rules.minimum_shift * session["sampling_rate"].item()))
    p_values = circular_shift_p_values(
        activity,
        place,
        durations(session),
        rules.shuffles,
        shift,
        rng,
        minimum_occupancy=rules.minimum_occupancy,
        direction=direction,
    )
    flags = (p_values < SIGNIFICANCE) & (_event_counts(activity, direction) >= minimum_events)
    return described(flags.astype(float).where(observed_units(activity)), "place_unit")


def _event_counts(activity: xr.DataArray, direction: xr.DataArray | None) -> xr.DataArray:
    """(unit[, direction]) events, in each running direction where these are given."""
    if direction is None:
        return event_counts(activity)
    return in_each_direction(direction, lambda samples: event_counts(activity.isel(sample=samples)))
