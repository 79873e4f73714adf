"""A recording set beside its frozen twins, as a labelled result: numbers with intervals, verdicts,
curves."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import xarray as xr

from drift.comparison.noise_numbers import MEASURES, statistics
from drift.comparison.noise_statistics import Measured, Shared
from drift.comparison.noise_verdicts import half_width, judged, sentence, share_explained
from drift.metrics.stability.correlations import mean_over
from drift.metrics.time_course.lag_classes import lag_classes
from drift.metrics.time_course.lags import by_lag

MEANINGS = {
    "recorded": "of the recording",
    "frozen": "were the code to stand still, bias of the estimate taken off",
    "frozen_low": "lower end of the interval of 95 % of a recording of a code that stands still",
    "frozen_high": "upper end of the interval of 95 % of a recording of a code that stands still",
    "p_value": "of a difference in the direction of a change; of information in either",
    "verdict": "whether the recording changes more than sampling noise",
    "sentence": "the verdict with its numbers",
    "share_explained": "change of a code that stands still over the recorded one, if certain",
    "compared_units": "units with enough events in any session",
}
CURVES = ("rate_map_correlation", "corrected_similarity", "place_units_kept")


class Beside(NamedTuple):
    """Measures of one subject, of its twins, and of twins of these."""

    sessions: np.ndarray  # their labels
    common: Shared
    recorded: Measured
    twins: list[Measured]
    twins_of_twins: list[Measured]  # of the code that is estimated from each twin


def described_subject(own: xr.Dataset, subject: Beside) -> xr.Dataset:
    """Statistics and verdicts, information by session and curves by lag of one subject.

    Parameters
    ----------
    own : xarray.Dataset
        Its recording.
    subject : Beside
    """
    per = str(own["elapsed"].attrs.get("units", "1"))
    return xr.merge([_numbers(subject, per), _by_lag(own, subject)])


def joined_subjects(recorded: xr.Dataset, subjects: list[xr.Dataset]) -> xr.Dataset:
    """Described subjects in one Dataset.

    Parameters
    ----------
    recorded : xarray.Dataset
        The recording of all.
    subjects : list of xarray.Dataset
        See ``described_subject``, in its order.
    """
    per = str(recorded["elapsed"].attrs.get("units", "1"))
    joined = xr.concat(subjects, dim="subject", join="outer", coords="minimal", compat="equals")
    joined = joined.reindex(session=recorded["session"].values)
    compared = joined["recorded_by_lag"].notnull().any(["subject", "curve"]).values
    joined = joined.isel(lag=np.flatnonzero(compared))
    joined["lag"].attrs["units"] = per
    for name, values in joined.data_vars.items():
        bare = str(name).removesuffix("_by_lag").removesuffix("_information")
        values.attrs["long_name"] = MEANINGS[bare]
    return joined.assign_coords(
        subject=recorded["subject"].values,
        session=recorded["session"].values,
        elapsed=recorded["elapsed"].reset_coords(drop=True).drop_vars(["subject", "session"]),
        units=("measure", ["1", "1", f"1/{per}", "bits/event", "1"]),
    )


def _numbers(subject: Beside, per: str) -> xr.Dataset:
    """Statistics, intervals and verdicts of one subject, and information by session."""
    common = subject.common
    own, frozen, deviation = set_beside(subject, lambda values: statistics(values, common))
    verdicts = judged(own, frozen, deviation, len(subject.twins), _scales(subject, frozen))
    sentences = [
        sentence(name, verdict, numbers, per)
        for name, verdict, *numbers in zip(
            MEASURES, verdicts.verdict, own, frozen, verdicts.low, verdicts.high, strict=True
        )
    ]
    columns = {
        "recorded": own,
        "frozen": frozen,
        "frozen_low": verdicts.low,
        "frozen_high": verdicts.high,
        "p_value": verdicts.p_value,
        "verdict": verdicts.verdict,
        "sentence": sentences,
        "share_explained": share_explained(own, frozen, verdicts.verdict),
    }
    information = _interval(subject, lambda values: values.spatial_information)
    by_session = {
        f"{name}_information": ("session", values, {"units": "bits/event"})
        for name, values in information.items()
    }
    return xr.Dataset(
        {**{name: ("measure", values) for name, values in columns.items()}, **by_session},
        coords={"measure": list(MEASURES), "session": subject.sessions},
    ).assign(compared_units=common.compared_units)


def _scales(subject: Beside, frozen: np.ndarray) -> np.ndarray:
    """What a difference is set against: the frozen value; of the drift rate the similarity over the
    longest lag, of the change of information its mean."""
    lags = subject.common.lags[subject.common.comparable]
    longest = np.nanmax(lags, initial=0.0)
    bits = mean_over(subject.recorded.spatial_information, np.ones(1, dtype=bool), -1)
    per_lag = frozen[0] / longest if longest > 0 else np.nan
    return np.abs([frozen[0], frozen[1], per_lag, bits, frozen[4]])


def _by_lag(own: xr.Dataset, subject: Beside) -> xr.Dataset:
    """Measures of pairs by the time between their sessions."""
    elapsed = own["elapsed"].reset_coords(drop=True)
    edges = lag_classes(elapsed)

    def curve(values: Measured) -> xr.DataArray:
        pairs = np.stack([getattr(values, name) for name in CURVES], axis=-1)[np.newaxis]
        of_pairs = xr.DataArray(pairs, dims=("subject", "session", "session_other", "curve"))
        return by_lag(of_pairs, elapsed, edges)["correlation"].isel(subject=0)

    recorded = curve(subject.recorded)
    values = _interval(subject, lambda each: curve(each).values)
    dims = recorded.dims
    return xr.Dataset(
        {f"{name}_by_lag": (dims, numbers, {"units": "1"}) for name, numbers in values.items()},
        coords={"curve": list(CURVES), "lag": recorded["lag"]},
    )


def set_beside(
    subject: Beside, number: Callable[[Measured], np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Recorded, frozen without the bias of its estimate, and the standard deviation of what one
    recording differs from that.

    Parameters
    ----------
    subject : Beside
    number : callable
        From measures of one recording to numbers.
    """
    twins, second = (
        np.stack([number(values) for values in measures])
        for measures in (subject.twins, subject.twins_of_twins)
    )
    # as a recording differs from its twins, so does a twin from one of its own
    difference = twins - second
    deviation = np.std(difference, axis=0, ddof=1) * np.sqrt(1 + 1 / len(twins))
    return number(subject.recorded), twins.mean(axis=0) + difference.mean(axis=0), deviation


def _interval(subject: Beside, number: Callable[[Measured], np.ndarray]) -> dict[str, np.ndarray]:
    """Recorded, frozen, and the ends of its interval."""
    own, frozen, deviation = set_beside(subject, number)
    width = half_width(deviation, len(subject.twins))
    return {
        "recorded": own,
        "frozen": frozen,
        "frozen_low": frozen - width,
        "frozen_high": frozen + width,
    }
