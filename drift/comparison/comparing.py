"""Simulated subjects beside recordings: normalised curves, their slopes, published slopes, and what
null models of drift explain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import numpy as np
import xarray as xr

from drift.comparison.beside_twins import FEWEST
from drift.comparison.conventions import CONVENTIONS
from drift.comparison.rules import MEANINGS, Comparison, conventions_of
from drift.comparison.shares import (
    NULLS,
    against_published,
    explained,
    published_changes,
    recorded_changes,
)
from drift.comparison.sources import described_source, event_rate_ratio
from drift.comparison.time_scale import TimeScale, fitted_time_scale
from drift.door import opened
from drift.door.quantities import Draws, SamplingRate, Seed
from drift.errors import RefusedInputError
from drift.measurement.event_counting import counted_events, counted_maps
from drift.measurement.measuring import measure
from drift.metrics.places import kind_of_places
from drift.metrics.rooms import elsewhere, in_environment, in_one_environment
from drift.metrics.stability.halves import has_halves
from drift.observation.lens import as_recorded, untrained_sessions
from drift.observation.null_models import (
    changed_behaviour,
    frozen_code,
    trend_of_behaviour,
    wrong_registration,
)
from drift.observation.observing import observe
from drift.schema.labelled_form import check
from drift.schema.variables import compared

COORDINATES = ("since_first", "elapsed_units", "place_unit_rule", "undivided")
Recording = xr.Dataset | Sequence[xr.Dataset]


def _seen(run: xr.Dataset, lens: Recording, rules: Comparison) -> xr.Dataset:
    observed = observe(run, lens, **dict(rules.observation()))
    return measure(observed, **{**dict(rules.measurement()), **conventions_of(lens)})


def _alike(sessions: Iterable[xr.Dataset], rules: Comparison) -> Iterable[xr.Dataset]:
    """Recorded sessions as the run is observed: counted where it is, with their amplitudes where
    transients are drawn."""
    return sessions if rules.events == "calcium" else counted_events(sessions)


def _measured(sessions: Iterable[xr.Dataset], rules: Comparison) -> xr.Dataset:
    return measure(sessions, **dict(rules.measurement()))


def _null_models(
    run: xr.Dataset, lens: Recording, ratio: float, rules: Comparison
) -> tuple[dict[str, xr.Dataset], float]:
    """The null models, each observed through the same lens as the run, and the running time that is
    left at the end of one of them."""
    frozen = frozen_code(run)
    longitudinal = lens if isinstance(lens, xr.Dataset) else as_recorded(lens)[0]
    unmoved = _seen(frozen, lens, rules)
    slower, left = _changed(longitudinal, rules.final_time)
    nulls = {
        "frozen code": unmoved,
        "other event rate": _seen(frozen_code(run, final_gain=ratio), lens, rules)
        if np.isfinite(ratio)
        else None,
        "wrong registration": wrong_registration(unmoved, rules.confused, rules.seed),
        "changed behaviour": _seen(frozen, slower, rules),
    }
    return {name: dataset for name, dataset in nulls.items() if dataset is not None}, left


def _changed(recorded: xr.Dataset, final_time: float | None) -> tuple[xr.Dataset, float]:
    """A recording with changed behaviour, by default with its own trend, and the running time that
    is left."""
    if final_time is None:
        return trend_of_behaviour(recorded)
    return changed_behaviour(recorded, final_time), final_time


def _sources(
    run: xr.Dataset, recorded: xr.Dataset | None, lens: Recording | None, rules: Comparison
) -> tuple[dict[str, xr.Dataset], dict[str, float]]:
    """Datasets by source, and numbers of the recording that two of the null models take."""
    sources = {"simulated": run.isel(session=slice(untrained_sessions(run), None))}
    if lens is None:
        return sources, {"event_rate_ratio": np.nan, "final_time": np.nan}
    sources["observed"] = _seen(run, lens, rules)
    if recorded is not None:
        sources["recorded"] = recorded
    ratio = event_rate_ratio(sources["observed"] if recorded is None else recorded)
    nulls, left = _null_models(run, lens, ratio, rules)
    return {**sources, **nulls}, {"event_rate_ratio": ratio, "final_time": left}


def _time_scale(
    run: xr.Dataset, recorded: xr.Dataset | None, seed: int, bootstraps: int
) -> TimeScale:
    if recorded is None:
        return TimeScale(np.nan, np.nan, np.nan, np.nan, "no recording was given.")
    return fitted_time_scale(run, recorded, seed, bootstraps)


def _is_measured(dataset: xr.Dataset) -> bool:
    return "unit_identity" in dataset.coords and "minimum_speed" in dataset.attrs


def _refuse(run: xr.Dataset, recorded: Recording | None, like: Recording | None) -> None:
    check(run, "rate", "elapsed", "place_unit")
    if isinstance(recorded, xr.Dataset) and _is_measured(run) and not _is_measured(recorded):
        raise RefusedInputError(
            "the run comes first and the recording second, got them the other way round: "
            "exchange the two."
        )
    if run.sizes["session"] < 3:
        raise RefusedInputError(
            "a run needs at least two sessions after its first one, got "
            f"{run.sizes['session'] - 1}: session 0 shows no learned code; "
            "ask for more sessions."
        )
    for name, recording in (("recorded", recorded), ("like", like)):
        if isinstance(recording, xr.Dataset):
            check(recording, "rate", "occupancy", "elapsed")
        elif recording is not None and len(recording) == 0:
            raise RefusedInputError(
                f"{name} holds no session: check the path and the filters of the reader."
            )


def _other_places(run: xr.Dataset, seen: xr.Dataset) -> str:
    """What is not comparable where the run and the recording lie in spaces of different kinds;
    empty where they do not."""
    own, recorded = kind_of_places(run), kind_of_places(seen)
    if own == recorded:
        return ""
    return (
        f"places of the simulation lie on a {own}, those of the recording on a {recorded}: "
        "they were laid over them in the order of their "
        "numbers, so that neighbours, fields and their shapes are not comparable"
    )


@opened
def compare(
    run: xr.Dataset,
    recorded: xr.Dataset | Iterable[xr.Dataset] | None = None,
    *,
    like: xr.Dataset | Iterable[xr.Dataset] | None = None,
    seed: Seed = 0,
    events: Literal["poisson", "calcium"] = "poisson",
    sampling_rate: SamplingRate = 20.0,
    shuffles: Draws = 100,
    corrected: bool = False,
    bootstraps: Draws = 200,
    halves: Literal["trials", "time"] | None = None,
    confused: float = 0.1,
    final_time: float | None = None,
    null_draws: Draws = FEWEST,
    environment: str | None = None,
) -> xr.Dataset:
    """Set simulated subjects, observed as the animals were, beside a recording, the published
    slopes, and null models of drift.

    Sources are the run as it is ("simulated"), the run seen through the lens of the recording
    ("observed"), the recording ("recorded"), and a code that stands still, seen through the same
    lens: "frozen code"; "other event rate", its activity changing as a whole as the recorded (else
    observed) mean event rate does; "wrong registration"; and "changed behaviour", a running time
    with the recorded trend. Each measure is normalised to its first session in each published
    convention; y = intercept + slope t is fitted to the curve, with a t-test of the slope. The
    share that a null model explains is its change over the study divided by that of a source.

    The recording has null models of its own, whose code is that of the animal, standing still: see
    ``drift.explained_changes``, whose results by measure and cause are beside, with ``"recorded_"``
    before their names.

    Another room is not drift: of a recording in several environments each subject is compared in
    that in which it has most sessions, and the attribute ``left_out`` says which sessions do not
    enter; ``environment`` chooses another one.

    Parameters
    ----------
    run : xarray.Dataset
        Longitudinal Dataset of ``train``; session 0, before learning, is left out.
    recorded : xarray.Dataset or iterable of xarray.Dataset, optional
        Longitudinal Dataset of ``measure``, or session Datasets, which are then measured as the
        observed run is, their amplitudes counted unless transients are drawn.
    like : xarray.Dataset or iterable of xarray.Dataset, optional
        The lens; the recording by default. With ``published_design`` a study whose data are not at
        hand.
    seed : int
        Of observation, shift tests and bootstrap.
    events : {"poisson", "calcium"}
        See ``observe``.
    sampling_rate : float
        In Hz, where the lens is a longitudinal Dataset.
    shuffles : int
        Of the significance test of place units; see ``measure``. A longitudinal recording keeps its
        own rule, see ``place_unit_rule``.
    corrected : bool
        Add corrected information; takes seconds a session.
    bootstraps : int
        Draws for the interval of the time scale.
    halves : {"trials", "time"}, optional
        Add the similarity of rate maps without noise (``drift.metrics.corrected_similarity``) of
        each session with the first, from two halves of every session; see ``measure``. A
        longitudinal recording needs halves of its own.
    confused : float
        Share of units confused from session to session in "wrong registration".
    final_time : float, optional
        Running time of the last session over its own in "changed behaviour"; by default all
        sessions have that of the straight line through the recorded ones.
    null_draws : int
        Of each null model of the recording, at least 20; 0 for none.
    environment : str, optional
        Label of the environment of the recording that is compared; by default that in which a
        subject has most sessions.

    Returns
    -------
    xarray.Dataset
        Dims source, measure, convention, session, panel, null. Beside what ``described_source``
        lists: ``published_slope``, ``published_p_value`` and ``published_change`` (panel, measure),
        units in ``published_per``; ``sign_agreement`` (1 or 0) and ``change_ratio`` (source,
        measure, convention, panel); ``share_explained`` (source, measure, convention, null) with
        its standard error; these are NaN where the change of the source is not certain (p of its
        slope not below .05, sessions taken as independent). ``time_scale`` with ``time_scale_low``
        and ``time_scale_high`` (95 %), in steps per recorded unit of elapsed, NaN where an end of
        the run was reached instead, see ``time_scale_reason``, ``time_scale_subjects`` and
        ``time_scale_simulated_subjects`` that it rests on (a single one by its units).
        ``undivided`` (source, measure) names subjects whose first value is 0: they are left out
        where each is divided by its own. ``first_value`` (source, measure) is what curves are
        divided by, the mean over subjects, and ``noise_ceiling`` (source) the correlation that rate
        maps would have without drift, from halves of sessions (NaN without these). ``recorded_...``
        (recorded_measure, cause), or the attribute ``recorded_changes_reason``.
        The attribute ``comparison`` holds these options, see ``drift.comparison.Comparison``.
        Coordinates ``since_first`` (source, session) real elapsed time, ``elapsed_units`` (source).
        NaN where a measure does not exist.

    Raises
    ------
    RefusedInputError
        If the run has no learned sessions, the recording none or unknown elapsed time, or a
        longitudinal recording holds amplitudes, whose number of events is not known.
    SchemaError
        If a variable is missing.

    References
    ----------
    Ratzon, Derdikman & Barak 2024, Fig. 3.
    """
    study, lens = (
        recording if recording is None or isinstance(recording, xr.Dataset) else list(recording)
        for recording in (recorded, like)
    )
    rules = Comparison(
        seed=seed,
        events=events,
        sampling_rate=sampling_rate,
        shuffles=shuffles,
        corrected=corrected,
        bootstraps=bootstraps,
        halves=halves,
        confused=confused,
        final_time=final_time,
        null_draws=null_draws,
        environment=environment,
    )
    _refuse(run, study, lens)
    room = environment if lens is None else None  # a lens of its own has rooms of its own
    lens = study if lens is None else lens
    measured = None if study is None else _measured_study(study, rules)
    left_out = [] if measured is None else elsewhere(measured, environment)
    measured = None if measured is None else in_environment(measured, environment)
    datasets, taken_over = _sources(run, measured, in_one_environment(lens, room), rules)
    own, reason = recorded_changes(measured, draws=null_draws, seed=seed, confused=confused)
    scale = _time_scale(run, measured, seed, bootstraps)
    recorded_units = "" if measured is None else str(measured["elapsed"].attrs.get("units", "1"))
    nulls_apart = ("recorded",) if own.data_vars else ()
    result = _joined(datasets, compared(corrected, halves is not None), nulls_apart)
    result = _with_units(result.assign(_numbers(scale)), recorded_units, run).merge(own)
    return result.assign_attrs(
        **own.attrs,
        recorded_changes_reason=reason,
        title="simulated subjects beside recordings",
        time_scale_reason=scale.reason,
        **taken_over,
        **{name: getattr(rules, name) for name in ("seed", "events", "confused")},
        left_out="; ".join(left_out),
        comparison=rules.to_json(),
        **_lens_attributes(run, lens),
    )


def _measured_study(study: Recording, rules: Comparison) -> xr.Dataset:
    """The recording in the longitudinal form, measured as the observed run is unless it was."""
    if not isinstance(study, xr.Dataset):
        return _measured(_alike(study, rules), rules)
    if rules.events != "calcium":
        study = counted_maps(study, "a comparison")
    if rules.halves and not has_halves(study):
        raise RefusedInputError(
            "a comparison by halves needs a recording that was measured by halves, got one without "
            f'rate_half: measure it with halves="{rules.halves}".'
        )
    return study


def _joined(
    datasets: Mapping[str, xr.Dataset], measures: Sequence[str], apart: Sequence[str]
) -> xr.Dataset:
    """Curves and lines of all sources, beside published changes and those of null models."""
    described_sources = [
        described_source(dataset, measures).expand_dims(source=[name])
        for name, dataset in datasets.items()
    ]
    sources = xr.concat(
        described_sources,
        dim="source",
        join="outer",
        coords="different",
        compat="equals",
        combine_attrs="override",
    ).assign_coords(measure=list(measures), convention=list(CONVENTIONS))
    nulls = [name for name in NULLS if name in datasets]
    published = published_changes(measures)
    joined = xr.merge(
        [
            sources,
            published,
            against_published(sources, published),
            explained(sources, nulls, apart),
        ],
        compat="equals",
        join="outer",
    )
    return joined.set_coords([*COORDINATES])


def _numbers(scale: TimeScale) -> dict[str, float]:
    return {
        "time_scale": scale.scale,
        "time_scale_low": scale.low,
        "time_scale_high": scale.high,
        "attenuation": scale.attenuation,
        "time_scale_subjects": float(scale.recorded_subjects),
        "time_scale_simulated_subjects": float(scale.simulated_subjects),
    }


def _lens_attributes(run: xr.Dataset, lens: Recording | None) -> dict[str, str]:
    if lens is None:
        return {"places": "", "lens": "none"}
    dataset = lens if isinstance(lens, xr.Dataset) else lens[0]
    return {
        "places": _other_places(run, dataset),
        "lens": str(dataset.attrs.get("source", "unknown")),
    }


def _with_units(comparison: xr.Dataset, recorded_units: str, run: xr.Dataset) -> xr.Dataset:
    per_elapsed = ("slope", "standard_error")
    per_scale = f"{run['elapsed'].attrs.get('units', 'step')}/{recorded_units or '1'}"
    units = dict.fromkeys(per_elapsed, "1/elapsed_units") | {"published_slope": "1/published_per"}
    units |= dict.fromkeys(("slope_per_session", "standard_error_per_session"), "1/session")
    units |= dict.fromkeys(("time_scale", "time_scale_low", "time_scale_high"), per_scale)
    return comparison.assign(
        {
            name: comparison[name].assign_attrs(
                units=units.get(str(name), "1"), long_name=MEANINGS[str(name)]
            )
            for name in comparison.data_vars
        }
    )
