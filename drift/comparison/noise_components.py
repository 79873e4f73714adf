"""Noise within a session, fast loss and slow drift of a recording, beside those of its frozen
twins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from drift.comparison.noise_results import Beside, set_beside
from drift.comparison.noise_statistics import Measured
from drift.comparison.noise_verdicts import half_width
from drift.metrics.intervals.limits import mean_or_nan
from drift.metrics.stability.unit_moments import unrelated_similarity
from drift.metrics.time_course.components import COMPONENTS, change_components, fast_and_slow
from drift.metrics.time_course.lags import upper_pairs
from drift.schema.map_dims import map_dims

MEANINGS = {
    "component_estimate": "of the recording",
    "component": "end of the interval of that animal by its units",
    "component_mean": "over animals; of one alone by its units",
    "component_frozen": "were the code to stand still, with the interval of one recording of it",
    "component_sentence": "noise, fast loss and slow drift with their numbers",
}
WORDS = {
    "noise": "two halves of one session do not share {}",
    "fast": "{} of what they share is lost from a session to any other",
    "slow": "{} by time, over {:.3g} {}",
}


def with_components(
    noise: xr.Dataset,
    counted: xr.Dataset,
    subjects: Sequence[Beside],
    *,
    smoothing: float,
    minimum_events: float,
    seed: int,
) -> xr.Dataset:
    """Add the components of change, see ``drift.metrics.change_components``.

    Parameters
    ----------
    noise : xarray.Dataset
        Of ``drift.sampling_noise``.
    counted : xarray.Dataset
        The recording in events, with halves.
    subjects : sequence of Beside
        In its order.
    smoothing, minimum_events, seed
        See ``drift.sampling_noise``.
    """
    events = (counted["rate"] * counted["occupancy"]).sum(map_dims(counted["rate"]))
    keep = (counted["recorded"] == 1) & (events.round() >= minimum_events)
    parts = change_components(counted, smoothing=smoothing, select="all", keep=keep, seed=seed)
    others = unrelated_similarity(counted, smoothing, "all", keep)
    unrelated = upper_pairs(others, counted["elapsed"])
    floor = mean_or_nan(np.where(np.isfinite(unrelated.lags), unrelated.values.values, np.nan), 1)
    frozen = np.stack(
        [_frozen(subject, own) for subject, own in zip(subjects, floor, strict=True)], axis=1
    )
    by_subject = ("subject", "component")
    names = {"component_estimate": "subject_estimate", "component_low": "subject_lower"}
    names |= {"component_high": "subject_upper"}
    values: dict[str, Any] = {
        new: (by_subject, parts[old].transpose(*by_subject).values) for new, old in names.items()
    }
    over = {"component_mean": "estimate", "component_mean_low": "lower"}
    over |= {"component_mean_high": "upper"}
    values |= {new: ("component", parts[old].values) for new, old in over.items()}
    ends = ("", "_low", "_high")
    values |= {
        f"component_frozen{end}": (by_subject, numbers)
        for end, numbers in zip(ends, frozen, strict=True)
    }
    units = str(counted["elapsed"].attrs.get("units", "1"))
    sentences = [
        _sentence(parts.isel(subject=number), frozen[:, number], units)
        for number in range(counted.sizes["subject"])
    ]
    result = noise.assign_coords(component=list(COMPONENTS)).assign(
        {**values, "component_sentence": ("subject", sentences)}
    )
    for name in (*values, "component_sentence"):
        bare = name.removesuffix("_low").removesuffix("_high")
        result[name].attrs["long_name"] = MEANINGS[bare]
    return result.assign_attrs(components_speak_of=parts.attrs["speaks_of"])


def _frozen(subject: Beside, floor: float) -> np.ndarray:
    """(3, component) of a code that stands still, with the ends of its interval."""
    common = subject.common
    first, second = np.triu_indices(len(common.elapsed), 1)
    comparable = common.comparable[first, second]
    lags = np.where(comparable, common.lags[first, second], np.nan)

    def numbers(values: Measured) -> np.ndarray:
        pairs = values.corrected_similarity[first, second][np.newaxis]
        fast, slow = fast_and_slow(pairs, lags, common.rooms[first], floor)[0]
        return np.array([1 - mean_or_nan(values.reliability, 0), fast, slow])

    _, frozen, deviation = set_beside(subject, numbers)
    width = half_width(deviation, len(subject.twins))
    return np.stack([frozen, frozen - width, frozen + width])


def _sentence(parts: xr.Dataset, frozen: np.ndarray, units: str) -> str:
    """Say the three numbers of one subject, and what a code that stands still would have."""
    estimates, lower, upper = (
        parts[f"subject_{name}"].values for name in ("estimate", "lower", "upper")
    )
    if not np.isfinite(estimates).all():
        return "Noise, fast loss and slow drift: cannot tell, for want of different lags or units."
    clauses = []
    for place, (name, words) in enumerate(WORDS.items()):
        number = f"{estimates[place]:.3g} ({lower[place]:.3g} to {upper[place]:.3g}"
        number += ")" if name == "noise" else f"; frozen {frozen[0, place]:.2g})"
        clauses.append(words.format(number, float(parts["longest_lag"]), units))
    told = f"{clauses[0]}; {clauses[1]}, and {clauses[2]}."
    return told[0].upper() + told[1:]
