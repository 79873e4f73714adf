"""A recording beside its frozen twins: what of its changes is more than sampling noise."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal, NamedTuple

import numpy as np
import xarray as xr

from drift.comparison.noise_components import with_components
from drift.comparison.noise_results import Beside, described_subject, joined_subjects
from drift.comparison.noise_statistics import measured, place_thresholds, shared
from drift.door import opened
from drift.door.quantities import NotNegative, Probability, Range, Seed, Smoothing
from drift.errors import RefusedInputError
from drift.measurement.measuring import measure
from drift.metrics.stability.pairs import comparable_pairs
from drift.observation.counted_halves import in_time, smoother, with_counted_halves
from drift.observation.lens import own_number
from drift.observation.twins import drawn_codes, frozen_codes, twin_streams
from drift.progress import progress_bar
from drift.schema.map_dims import map_dim
from drift.streams import stream

FEWEST = 20  # draws that an interval of 95 % takes

TwinDraws = Annotated[int, Range(FEWEST, 10_000)]
"""Number of frozen twins, enough for an interval."""


class _Rules(NamedTuple):
    """How a recording is set beside its twins."""

    draws: int
    smoothing: float
    minimum_events: float
    confused: float


@opened
def sampling_noise(
    recorded: xr.Dataset | Iterable[xr.Dataset],
    *,
    draws: TwinDraws = 40,
    seed: Seed = 0,
    smoothing: Smoothing = 1.0,
    minimum_events: NotNegative = 10.0,
    confused: Probability = 0.0,
    halves: Literal["trials", "time"] = "trials",
    progress: bool = False,
) -> xr.Dataset:
    """Set a recording beside what sampling noise alone would make of a code that stands still.

    Frozen twins of the recording have its sessions, the time at each place, the recorded units and
    their numbers of events; where events fall is drawn from one map of each unit, see
    ``drift.observation.frozen_twins``. Each measure of the recording is set beside those of the
    twins. As the recording differs from its twins, so does each twin from one of its own, whose
    maps are estimated from the twin alone, though nothing changed: the mean of that difference is
    the bias of the estimate, which is taken off, and its scatter is the chance of both, from which
    intervals are made (t-distributed with draws - 1 degrees of freedom).

    Measures: mean over pairs of sessions of one environment of the rate-map correlation, of the
    similarity with its noise taken out (mean form of ``corrected_similarity``) and of the share of
    place units that are so in both; the rate-map correlation lost per time between sessions; the
    change of spatial information over the recording (least squares, by elapsed time). Maps are
    those of units with ``minimum_events`` in both sessions. A place unit has as many events, and
    more information than 95 % of as many events thrown at random over the time at all places.

    "More than sampling noise": recorded and frozen differ in the direction of a change with p < .01
    (.05 over five measures; information in either direction). "No more than sampling noise": they
    do not, and a difference of a tenth of the frozen value (of the mean information; for the drift
    rate, of the similarity over the longest lag) lies outside of the interval of 95 %. Otherwise:
    "cannot tell".

    Parameters
    ----------
    recorded : xarray.Dataset or iterable of xarray.Dataset
        Longitudinal Dataset of ``measure``, or session Datasets, which are measured by ``halves``.
        Amplitudes enter by their numbers of events. Without ``rate_half`` the events of each
        session are dealt to two halves by the toss of a coin, which takes them for independent.
    draws : int
        Number of twins, at least 20.
    seed : int
        Of the streams "bootstrap" and "shuffle"; with it the subject's own label decides all draws.
    smoothing : float
        Standard deviation in bins of a Gaussian applied to maps that are correlated.
    minimum_events : float
        Events of a unit in a session, below which its map does not enter.
    confused : float
        Share of the units that the twins confuse with others from each session to the next: what
        wrong registration of that rate would explain beside sampling noise.
    halves : {"trials", "time"}
        How sessions are halved, see ``measure``.
    progress : bool
        Show a progress bar.

    Returns
    -------
    xarray.Dataset
        (subject, measure): ``recorded``; ``frozen`` with ``frozen_low`` and ``frozen_high`` (95
        %); ``p_value``; ``verdict`` and ``sentence``; ``share_explained``, what similarity lacks
        to 1, or the change of the other measures, of twins over that of the recording, NaN where
        the verdict is not "more than sampling noise"; units in the coordinate ``units``. (subject,
        lag, curve): ``recorded_by_lag``, ``frozen_by_lag``, ``frozen_low_by_lag`` and
        ``frozen_high_by_lag``. (subject, session): the same with ``_information``, bits/event,
        mean over units with enough events. ``compared_units`` (subject) with enough events in any
        session. (subject, component), of ``metrics.change_components``, which parts what two
        sessions do not share into noise within a session, a fast loss and a slow drift:
        ``component_estimate``, ``component_low`` and ``component_high`` by the units of that
        animal, ``component_frozen`` with ``_low`` and ``_high`` were the code to stand still,
        ``component_sentence`` (subject); over animals ``component_mean`` with ``_low`` and
        ``_high`` (component). NaN where nothing can be compared.

    Raises
    ------
    RefusedInputError
        If no two sessions may be compared, or numbers of events are not known.
    SchemaError
        If a variable is missing.

    Notes
    -----
    Level and threshold were chosen on simulations of codes that stand still, with units lost and
    with changed behaviour (``tests/laws/test_sampling_noise_law.py``).

    References
    ----------
    Parametric bootstrap with its bias: Efron & Tibshirani 1993, An Introduction to the Bootstrap,
    chapters 6 and 10.
    """
    dataset = recorded if isinstance(recorded, xr.Dataset) else measure(recorded, halves=halves)
    counted = with_counted_halves(dataset, "sampling noise of a recording")
    comparable = comparable_pairs(counted)
    rules = _Rules(draws, smoothing, minimum_events, confused)
    described, subjects = [], []
    for number in range(counted.sizes["subject"]):
        own, sessions = own_recording(counted, number)
        pairs = comparable[number][np.ix_(sessions, sessions)]
        subjects.append(_subject(own, pairs, rules, seed, progress))
        described.append(described_subject(own, subjects[-1]))
    noise = joined_subjects(counted, described)
    whole = with_components(
        noise, counted, subjects, smoothing=smoothing, minimum_events=minimum_events, seed=seed
    )
    return whole.assign_attrs(
        title="recorded beside frozen twins",
        seed=seed,
        **rules._asdict(),
        halves="recorded" if "rate_half" in dataset else "events dealt by a coin",
    )


def own_recording(recorded: xr.Dataset, subject: int) -> tuple[xr.Dataset, np.ndarray]:
    """One subject without what only others have, and the positions of its sessions from the
    earliest to the latest.

    Parameters
    ----------
    recorded : xarray.Dataset
        In events, see ``drift.observation.counted_halves.with_counted_halves``.
    subject : int
        Position along the dim.

    Raises
    ------
    RefusedInputError
        If it was recorded in fewer than two sessions.
    """
    own = recorded.isel(subject=[subject])
    present = own["recorded"].isel(subject=0).transpose("session", "unit").values == 1
    order = in_time(recorded.isel(subject=subject))
    sessions = order[present[order].any(axis=1)]
    if sessions.size < 2:
        raise RefusedInputError(
            f"at least two sessions of subject {own['subject'].item()} are needed, got "
            f"{sessions.size}: leave it out."
        )
    own = own.isel(session=sessions, unit=np.flatnonzero(present.any(axis=0)))
    own = own.isel(unit=_order(own["rate"]))
    along = map_dim(own["rate"])
    visited = own["rate"].notnull().any([dim for dim in own["rate"].dims if dim != along])
    return own.isel({along: np.flatnonzero(visited.values)}), sessions


def _order(rate: xr.DataArray) -> np.ndarray:
    """Units in the order of their maps, so that draws that are dealt in it know no labels."""
    maps = rate.fillna(-1.0).transpose("unit", ...).values
    return np.lexsort(maps.reshape(len(maps), -1).T)


def _subject(
    own: xr.Dataset,
    comparable: np.ndarray,
    rules: _Rules,
    seed: int,
    progress: bool,
) -> Beside:
    """Measure one subject, its twins, and a twin of each of these."""
    codes, smooth = frozen_codes(own, 0), smoother(own)
    entropy = (seed << 64) + own_number(own, 0)
    groups = [code.halves for code in codes]
    shape = own.sizes["session"], own.sizes["unit"]
    thresholds = place_thresholds(groups, shape, rules.minimum_events, stream(entropy, "shuffle"))
    common = shared(
        own, groups, comparable, smooth, rules.smoothing, rules.minimum_events, thresholds
    )
    twins, second = [], []
    streams = twin_streams(own, 0, seed, rules.draws)
    for rng in progress_bar(streams, unit="twin") if progress else streams:
        first, again = rng.spawn(2)
        frozen = drawn_codes(codes, first, rules.confused)
        refrozen = [
            code.estimated_anew(events, smooth)
            for code, (_, events) in zip(codes, frozen, strict=True)
        ]
        twins.append(measured(frozen, common))
        second.append(measured(drawn_codes(refrozen, again, rules.confused), common))
    recorded = [(halves, halves.counts) for halves in groups]
    return Beside(own["session"].values, common, measured(recorded, common), twins, second)
