"""Changes of a recording beside its null models, as a labelled result."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from drift.comparison.explained_verdicts import (
    Unexplained,
    by_draws,
    over_subjects,
    sentence,
    shares,
    verdict,
)
from drift.comparison.noise_numbers import CHANGES
from drift.comparison.noise_verdicts import LEVEL

MEANINGS = {
    "change": "difference of the recording from counting noise alone",
    "unexplained": "difference of the recording from the null model",
    "share_explained": "part of the change that the null model makes, if the change is certain",
    "verdict": "whether a change is certain and explained",
    "explaining": "null models that explain it",
    "sentence": "the verdict with its numbers",
    "recorded": "of the recording",
    "null": "of the null model, bias of the estimated maps taken off",
    "subject_unexplained": "difference of the subject from the null model, interval by draws",
}
ENDS = ("", "_low", "_high")


def labelled(
    recorded: xr.Dataset, subjects: Sequence[Unexplained], causes: Sequence[str]
) -> xr.Dataset:
    """Changes, what is left of them, and verdicts, see ``drift.explained_changes``.

    Parameters
    ----------
    recorded : xarray.Dataset
        The recording.
    subjects : sequence of Unexplained
        In its order.
    causes : sequence of str
        "counting noise" first, "all recorded" last.
    """
    per = str(recorded["elapsed"].attrs.get("units", "1"))
    measurable = [each for each in subjects if np.isfinite(each.difference).any()]
    single = measurable[0] if measurable else subjects[0]
    interval = over_subjects(measurable) if len(measurable) > 1 else by_draws(single)
    share = shares(interval)
    judged = [
        verdict(interval.p_value[:, place], share[0, :, place], causes)
        for place in range(len(CHANGES))
    ]
    limits = np.stack([interval.estimate[0], interval.low[0], interval.high[0]])
    alone = _alone(measurable)
    sentences = [
        sentence(
            name,
            judged[place],
            limits[:, place].tolist(),
            share[..., place],
            causes,
            per,
            alone[place],
        )
        for place, name in enumerate(CHANGES)
    ]
    of_measure = {
        **_ends("change", "measure", [*limits]),
        "change_p_value": ("measure", interval.p_value[0]),
        "verdict": ("measure", [word for word, _ in judged]),
        "explaining": ("measure", [", ".join(makers) for _, makers in judged]),
        "sentence": ("measure", sentences),
    }
    by_cause = ("cause", "measure")
    of_cause = {
        **_ends("unexplained", by_cause, interval[:3]),
        "unexplained_p_value": (by_cause, interval.p_value),
        **_ends("share_explained", by_cause, [*share]),
    }
    result = xr.Dataset({**of_measure, **of_cause, **_of_subjects(subjects)})
    for name, values in result.data_vars.items():
        bare = str(name).removesuffix("_low").removesuffix("_high").removesuffix("_p_value")
        values.attrs["long_name"] = MEANINGS[bare]
    units = ["1", "1", f"1/{per}", "bits/event", "1", "1", "1"]
    return result.assign_coords(
        subject=recorded["subject"].values,
        measure=list(CHANGES),
        cause=list(causes),
        units=("measure", units),
    ).assign_attrs(speaks_of=_whom(recorded, subjects, measurable, single))


def _alone(subjects: Sequence[Unexplained]) -> list[str]:
    """(measure) in how many of several subjects the change is certain by their own draws."""
    if len(subjects) < 2:
        return [""] * len(CHANGES)
    certain = np.stack([by_draws(subject).p_value[0] < LEVEL for subject in subjects])
    return [
        f" (by its own draws certain in {count} of {len(subjects)} subjects)"
        for count in certain.sum(axis=0)
    ]


def _ends(
    name: str, dims: str | tuple[str, ...], values: Sequence[np.ndarray]
) -> dict[str, tuple[str | tuple[str, ...], np.ndarray]]:
    return {f"{name}{end}": (dims, numbers) for end, numbers in zip(ENDS, values, strict=True)}


def _of_subjects(
    subjects: Sequence[Unexplained],
) -> dict[str, tuple[str | tuple[str, ...], np.ndarray]]:
    """Numbers of each subject, with intervals by its draws."""
    each, intervals = ("subject", "cause", "measure"), [by_draws(subject) for subject in subjects]
    limits = [np.stack([interval[place] for interval in intervals]) for place in range(3)]
    return {
        "recorded": (("subject", "measure"), np.stack([subject.recorded for subject in subjects])),
        "null": (each, np.stack([subject.null for subject in subjects])),
        **_ends("subject_unexplained", each, limits),
    }


def _whom(
    recorded: xr.Dataset,
    subjects: Sequence[Unexplained],
    measurable: Sequence[Unexplained],
    single: Unexplained,
) -> str:
    """What intervals hold for."""
    if len(measurable) > 1:
        return f"subjects like these {len(measurable)}"
    place = next(number for number, subject in enumerate(subjects) if subject is single)
    label = str(recorded["subject"].values[place])
    return f"subject {label} alone, by draws of its null models: nothing is known of other subjects"
