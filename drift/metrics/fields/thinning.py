"""Halves of sessions of which only rate maps are left: events dealt to one half or the other."""

from __future__ import annotations

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Seed
from drift.errors import RefusedInputError
from drift.schema.labelled_form import check
from drift.schema.map_dims import map_dims
from drift.streams import child_of, stream

WHOLE = 1e-6  # how far from a whole number events may lie that rate times time makes


@opened
def thinned_halves(dataset: xr.Dataset, seed: Seed = 0) -> xr.Dataset:
    """Deal each event of each session to one of two halves, by the toss of a coin.

    Events that are independent of each other, as those of a Poisson process, are so in two halves
    of half the rate that know nothing of each other but the rate. Events that come in bursts, or
    laps that differ, make halves by coin more alike than sessions are: where trials are known,
    halves of odd and even laps are the better ones.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset of counted events, with ``rate`` in events per unit of ``occupancy``.
    seed : int
        Of the stream "shuffle", with a child for each subject by its label.

    Returns
    -------
    xarray.Dataset
        With ``rate_half`` (subject, session, unit, place[, direction], half) and
        ``occupancy_half`` (subject, session, place[, direction], half), half of the time each.

    Raises
    ------
    RefusedInputError
        If rate times occupancy is no whole number of events, or rates are made of amplitudes.
    SchemaError
        If a variable is missing.
    """
    check(dataset, "rate", "occupancy")
    rate, occupancy = dataset["rate"], dataset["occupancy"]
    order = ("subject", "session", "unit", *map_dims(rate))
    events = (rate * occupancy).transpose(*order)
    counts = _whole(events.values, str(dataset.attrs.get("activity_kind", "counts")))
    first = np.stack(
        [_tossed(own, _stream(dataset, number, seed)) for number, own in enumerate(counts)]
    )
    half_time = xr.concat([occupancy / 2] * 2, dim="half").transpose(*occupancy.dims, "half")
    half_events = xr.DataArray(np.stack([first, counts - first], axis=-1), dims=(*order, "half"))
    bare_time = half_time.reset_coords(drop=True).drop_vars(half_time.dims, errors="ignore")
    maps = half_events.where(rate.notnull().transpose(*order).values[..., np.newaxis]) / bare_time
    maps = maps.transpose(*rate.dims, "half")
    return dataset.assign(
        rate_half=(maps.dims, maps.values, rate.attrs),
        occupancy_half=(half_time.dims, half_time.values, occupancy.attrs),
    )


def _stream(dataset: xr.Dataset, subject: int, seed: int) -> np.random.Generator:
    label = dataset["subject"].values[subject] if "subject" in dataset.coords else subject
    return stream(seed, "shuffle", child_of(str(label)))


def _tossed(counts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """How many of the events of one subject fall to the first half."""
    return rng.binomial(counts.astype(np.int64), 0.5).astype(float)


def _whole(events: np.ndarray, kind: str) -> np.ndarray:
    """Events as whole numbers, 0 where there is no rate."""
    numbers = np.nan_to_num(events)
    apart = float(np.abs(numbers - np.rint(numbers)).max(initial=0.0))
    if kind != "counts" or apart > WHOLE:
        raise RefusedInputError(
            "halves by coin need whole numbers of events, but rate times occupancy is made of "
            f"{kind} and lies up to {apart:.3g} from whole numbers: measure "
            "drift.counted_events(sessions), or halves of laps."
        )
    return np.rint(numbers)
