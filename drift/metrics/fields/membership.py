"""Which units are part of the code in which session, in whole sessions and in their halves."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import xarray as xr

from drift.errors import RefusedInputError
from drift.metrics.fields.detection import RULE, place_fields
from drift.schema.labelled_form import check
from drift.schema.map_dims import map_dims

Group = Literal["active", "place", "field"]
ORDER = ("subject", "session", "unit")
ROUNDING = 1e-9  # of a number of events that was taken apart into rates and put together again


class Membership(NamedTuple):
    """(subject, session, unit[, half]) bool each: observed at all, and part of the group."""

    observed: np.ndarray
    member: np.ndarray


def require_group(
    dataset: xr.Dataset,
    of: str,
    minimum_events: float,
    groups: tuple[str, ...] = ("active", "place", "field"),
) -> None:
    """Refuse a group that is unknown or cannot be counted.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset.
    of : str
        The group.
    minimum_events : float
        Events that make a unit active.
    groups : tuple of str
        Groups that can be followed.

    Raises
    ------
    RefusedInputError
        If the group is unknown, if events make other units than active ones, or if what was
        recorded are no events.
    """
    if of not in groups:
        raise RefusedInputError(
            f"of must be one of {', '.join(groups)}, got {of!r}: name the group whose members are "
            "followed."
        )
    if minimum_events > 0 and of != "active":
        raise RefusedInputError(
            f'minimum_events says which units are active, got {minimum_events:g} with of="{of}": '
            'leave it out, or use of="active".'
        )
    kind = dataset.attrs.get("activity_kind", "counts")
    if minimum_events > 0 and kind != "counts" and "event_count" not in dataset:
        raise RefusedInputError(
            f"minimum_events counts events, but rates are made of {kind}: measure "
            "drift.counted_events(sessions)."
        )


def membership(dataset: xr.Dataset, of: str, minimum_events: float = 0.0) -> Membership:
    """Members of a group in each session.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``rate`` and, with ``minimum_events``, ``occupancy``; with
        ``place_unit`` for place units. Of fields, ``fields`` is taken where it is there, else those
        of ``place_fields``.
    of : {"active", "place", "field"}
        Units with events, place units, or units with a place field in any direction.
    minimum_events : float
        Events at valid places that make a unit active; 0 takes any activity.

    Returns
    -------
    Membership
        (subject, session, unit); an absent unit is neither in nor out.
    """
    if of == "place":
        flags = check(dataset, "place_unit")["place_unit"].astype(float)
        return _ordered(flags.notnull(), flags == 1, dataset)
    if of == "field":
        count = (
            dataset["fields"]
            if "fields" in dataset
            else place_fields(check(dataset, "rate")["rate"])["fields"]
        )
        return _with_fields(count, dataset)
    check(dataset, "rate", *(["occupancy"] if minimum_events > 0 else []))
    events = _events(dataset) if minimum_events > 0 else None
    return _active(dataset["rate"], events, minimum_events, dataset)


def half_membership(dataset: xr.Dataset, of: str, minimum_events: float = 0.0) -> Membership | None:
    """Members of a group in each half of each session, by the same rule at half the time.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``rate_half`` (..., half) and, with ``minimum_events``,
        ``occupancy_half``; for place units with ``place_unit_half``.
    of, minimum_events
        As in ``membership``; half as many events make a unit active in a half.

    Returns
    -------
    Membership or None
        (subject, session, unit, half); None where the Dataset holds no halves of what is counted.
    """
    needed = {"place_unit_half"} if of == "place" else {"rate_half"}
    needed |= {"occupancy_half"} if minimum_events > 0 else set()
    if not needed <= set(dataset.data_vars):
        return None
    if of == "place":
        flags = dataset["place_unit_half"].astype(float)
        return _ordered(flags.notnull(), flags == 1, dataset)
    if of == "field":
        stated = dataset["fields"].attrs if "fields" in dataset else {}
        rule = {name: stated[name] for name in RULE if name in stated}
        return _with_fields(place_fields(dataset["rate_half"], **rule)["fields"], dataset)
    events = _events(dataset, "_half") if minimum_events > 0 else None
    return _active(dataset["rate_half"], events, minimum_events / 2, dataset)


def _events(dataset: xr.Dataset, half: str = "") -> xr.DataArray:
    """Events at each place; rates of amplitudes do not tell them."""
    if dataset.attrs.get("activity_kind", "counts") == "counts":
        return dataset[f"rate{half}"] * dataset[f"occupancy{half}"]
    return dataset[f"event_count{half}"]


def _active(
    rate: xr.DataArray, events: xr.DataArray | None, minimum: float, dataset: xr.Dataset
) -> Membership:
    cells = map_dims(rate)
    if events is None:
        return _ordered(rate.notnull().any(cells), (rate > 0).any(cells), dataset)
    enough = events.sum(cells) >= minimum * (1 - ROUNDING)
    return _ordered(rate.notnull().any(cells), enough, dataset)


def _with_fields(count: xr.DataArray, dataset: xr.Dataset) -> Membership:
    ways = [dim for dim in count.dims if dim == "direction"]
    return _ordered(count.notnull().any(ways), (count > 0).any(ways), dataset)


def _ordered(observed: xr.DataArray, member: xr.DataArray, dataset: xr.Dataset) -> Membership:
    observed = recorded_only(observed, dataset)
    dims = (*ORDER, *(dim for dim in observed.dims if dim not in ORDER))
    present = observed.transpose(*dims).values
    return Membership(present, member.transpose(*dims).values & present)


def recorded_only(observed: xr.DataArray, dataset: xr.Dataset) -> xr.DataArray:
    """Units that were not recorded are not observed, whatever their maps say.

    Parameters
    ----------
    observed : xarray.DataArray
        (subject, session, unit, ...) bool.
    dataset : xarray.Dataset
        With ``recorded``, if that is known.
    """
    return observed & (dataset["recorded"] == 1) if "recorded" in dataset else observed
