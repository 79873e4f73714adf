"""A recording beside null models of itself: what of its changes a code that stands still explains,
cause by cause."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import numpy as np
import xarray as xr

from drift.comparison.beside_twins import FEWEST, TwinDraws, own_recording
from drift.comparison.explained_results import labelled
from drift.comparison.explained_verdicts import unexplained
from drift.comparison.noise_numbers import changes
from drift.comparison.noise_statistics import Events, Shared, measured, place_thresholds, shared
from drift.door import opened
from drift.door.quantities import NotNegative, Probability, Seed, Smoothing
from drift.measurement.measuring import measure
from drift.metrics.stability.pairs import comparable_pairs
from drift.observation.causes import CAUSES, CONFUSED, Cause, confused_share
from drift.observation.counted_halves import CountedHalves, smoother, with_counted_halves
from drift.observation.lens import own_number
from drift.observation.twins import drawn_codes, drawn_models, frozen_codes, twin_streams
from drift.progress import progress_bar
from drift.streams import stream

NOISE, ALL = CAUSES[0], CAUSES[-1]


class _Rules(NamedTuple):
    """How a recording is set beside its null models."""

    causes: tuple[Cause, ...]
    draws: int
    smoothing: float
    minimum_events: float
    confused: float

    def share(self, cause: Cause) -> float:
        """Of the units that are confused."""
        return confused_share(cause, self.confused) if cause == "wrong matches" else 0.0


@opened
def explained_changes(
    recorded: xr.Dataset | Iterable[xr.Dataset],
    *,
    causes: Sequence[Cause] = CAUSES,
    draws: TwinDraws = FEWEST,
    seed: Seed = 0,
    smoothing: Smoothing = 1.0,
    minimum_events: NotNegative = 10.0,
    confused: Probability = CONFUSED,
    halves: Literal["trials", "time"] = "trials",
    progress: bool = False,
) -> xr.Dataset:
    """Tell which changes of a recording null models of it explain: codes that stand still, in which
    one thing alone changes from session to session as it did in the recording.

    In the null model "counting noise" every unit has one map (see
    ``drift.observation.frozen_maps``), all units are there in all sessions, and behaviour and event
    rates are those of the mean session; what sessions differ by is chance. Each further cause adds
    one thing: "lost cells", units are registered as they were; "recorded behaviour", the time at
    each place of each session; "recorded rates", the event rate of each unit in each session;
    "drifting threshold", a threshold of detection that moves such that the population has the
    recorded number of events per time; "wrong matches", a share of the units is taken for others
    from each session to the next, ``confused`` of them, which no recording tells. "all recorded"
    has lost cells, behaviour and numbers of events as recorded, see ``drift.sampling_noise``.

    The change is the difference of the recording from "counting noise", so that it is corrected for
    that noise; what a cause leaves unexplained is the difference of the recording from it. Both
    have intervals: over animals (Student's, ``metrics.nested_interval``) where there are two or
    more, by the draws where there is one, which speak of that animal alone. The bias of estimated
    maps is taken off, which twins of the twins of "all recorded" tell. The share explained, 1 -
    unexplained / change, is given only where the change is certain (p < .01).

    Measures: those of ``drift.sampling_noise``, and the changes over the recording, relative to
    their means, of the fraction of place units and of the number of units with enough events.

    Parameters
    ----------
    recorded : xarray.Dataset or iterable of xarray.Dataset
        Longitudinal Dataset of ``measure``, or session Datasets, which are measured by ``halves``.
        Amplitudes enter by their numbers of events.
    causes : sequence of str
        Of those above; "counting noise" and "all recorded" are always among them.
    draws : int
        Of each null model, at least 20.
    seed : int
        Of the streams "bootstrap" and "shuffle"; with it the subject's own label decides all draws.
    smoothing : float
        Standard deviation in bins of a Gaussian applied to maps that are correlated.
    minimum_events : float
        Events of a unit in a session, below which its map does not enter.
    confused : float
        Share of the units in "wrong matches".
    halves : {"trials", "time"}
        How sessions are halved, see ``measure``.
    progress : bool
        Show a progress bar.

    Returns
    -------
    xarray.Dataset
        (measure): ``change``, ``change_low``, ``change_high`` (95 %), ``change_p_value``,
        ``verdict`` and ``sentence``. (measure, cause): ``unexplained`` with ``_low``, ``_high`` and
        ``_p_value``, ``share_explained`` with ``_low`` and ``_high``. (subject, measure):
        ``recorded``; (subject, measure, cause): ``null``, the mean of the draws, and
        ``subject_unexplained`` with ``_low`` and ``_high`` by the draws. NaN where nothing can be
        told. Units in the coordinate ``units``. The attribute ``speaks_of`` says what the intervals
        hold for.

    Raises
    ------
    RefusedInputError
        If no two sessions may be compared, numbers of events are not known, or a cause is unknown.
    SchemaError
        If a variable is missing.

    Notes
    -----
    Verdicts were tried on simulated codes that stand still, with each cause put in by hand, and on
    codes that drift (``tests/laws/test_null_models_law.py``). A unit's own event rate is taken as
    recorded, so that its change is not called a change of the code.

    See Also
    --------
    drift.sampling_noise
    """
    ordered = tuple(cause for cause in CAUSES if cause in causes or cause in (NOISE, ALL))
    rules = _Rules(ordered, draws, smoothing, minimum_events, confused)
    dataset = recorded if isinstance(recorded, xr.Dataset) else measure(recorded, halves=halves)
    counted = with_counted_halves(dataset, "an explanation by null models of a recording")
    comparable = comparable_pairs(counted)
    subjects = []
    for number in range(counted.sizes["subject"]):
        own, sessions = own_recording(counted, number)
        pairs = comparable[number][np.ix_(sessions, sessions)]
        subjects.append(_subject(own, pairs, rules, seed, progress))
    result = labelled(counted, [unexplained(*subject) for subject in subjects], ordered)
    return result.assign_attrs(
        title="changes of a recording beside null models of it",
        seed=seed,
        draws=draws,
        smoothing=smoothing,
        minimum_events=minimum_events,
        confused=confused,
        halves="recorded" if "rate_half" in dataset else "events dealt by a coin",
    )


def _subject(
    own: xr.Dataset, comparable: np.ndarray, rules: _Rules, seed: int, progress: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Changes (measure) of a subject, (cause, draw, measure) of its null models, and (draw,
    measure) by which twins of "all recorded" differ from twins of their own."""
    codes, smooth = frozen_codes(own, 0), smoother(own)
    models = {cause: [code.model(cause) for code in codes] for cause in rules.causes}
    groups = {cause: [model.halves for model, _ in models[cause]] for cause in rules.causes}
    common = _common(own, groups, comparable, rules, seed)
    steps = [(cause, number) for cause in rules.causes for number in range(rules.draws)]
    streams = {cause: twin_streams(own, 0, seed, rules.draws) for cause in rules.causes}
    drawn: dict[str, list[np.ndarray]] = {cause: [] for cause in rules.causes}
    differences = []
    for cause, number in progress_bar(steps, unit="twin") if progress else steps:
        first, again = streams[cause][number].spawn(2)
        frozen = drawn_models(models[cause], first, rules.share(cause))
        drawn[cause].append(_changes(frozen, common[cause]))
        if cause == ALL:
            refrozen = [
                code.estimated_anew(events, smooth)
                for code, (_, events) in zip(codes, frozen, strict=True)
            ]
            second = _changes(drawn_codes(refrozen, again), common[ALL])
            differences.append(drawn[ALL][-1] - second)
    recorded = [(code.halves, code.halves.counts) for code in codes]
    each = np.array([drawn[cause] for cause in rules.causes])
    return _changes(recorded, common[ALL]), each, np.array(differences)


def _changes(sessions: list[Events], common: Shared) -> np.ndarray:
    return changes(measured(sessions, common), common)


def _common(
    own: xr.Dataset,
    groups: dict[Cause, list[CountedHalves]],
    comparable: np.ndarray,
    rules: _Rules,
    seed: int,
) -> dict[Cause, Shared]:
    """What all draws of each null model have in common."""
    entropy, shape = (seed << 64) + own_number(own, 0), (own.sizes["session"], own.sizes["unit"])
    smooth, minimum = smoother(own), rules.minimum_events
    drawn: dict[bytes, np.ndarray] = {}  # null models of one behaviour have one threshold
    common = {}
    for cause, halves in groups.items():
        behaviour = b"".join(each.time.tobytes() for each in halves)
        if behaviour not in drawn:
            drawn[behaviour] = place_thresholds(halves, shape, minimum, stream(entropy, "shuffle"))
        common[cause] = shared(
            own, halves, comparable, smooth, rules.smoothing, minimum, drawn[behaviour]
        )
    return common
