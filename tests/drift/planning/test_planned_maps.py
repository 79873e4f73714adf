"""Animals of planned studies: their similarity is that of the measures, and falls as was planned."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import drift
from drift import metrics
from drift.errors import RefusedInputError
from drift.planning.design import StudyDesign, study_like
from drift.planning.studies import (
    as_similarity,
    halved_similarity,
    labelled_sessions,
    observed_similarity,
    redrawn_maps,
)

DESIGN = StudyDesign(units=40, sessions=4, minutes=5.0, registration_loss=0.2, intervals=(2.0, 4.0))


def test_a_schedule_visits_every_environment_at_its_interval():
    plan = DESIGN.schedule
    assert plan.elapsed.tolist() == [0, 0, 2, 4, 4, 6, 8, 12]
    assert plan.room.tolist() == [0, 1, 0, 0, 1, 0, 1, 1]
    assert plan.visits.tolist() == [1, 1, 2, 3, 2, 4, 3, 4]
    labels = labelled_sessions(DESIGN, 2)
    assert labels["environment"].values[1].tolist() == list("ABAABABB")


def test_similarity_is_the_corrected_similarity_of_the_same_maps(rng: np.random.Generator):
    maps = redrawn_maps(DESIGN, np.array([0.05, 0.1]), np.zeros(2), rng)
    present = rng.random(maps.shape[:3]) >= 0.2
    halves = rng.poisson(6 * maps[:, :, np.newaxis], (*maps.shape[:2], 2, *maps.shape[2:])) * 1.0
    ours = halved_similarity(halves, present, DESIGN.schedule)
    observed = np.where(present[:, :, np.newaxis, :, np.newaxis], halves, np.nan)
    dims = ("subject", "session", "half", "unit", "place")
    dataset = labelled_sessions(DESIGN, 2).assign(rate_half=(dims, observed))
    dataset = dataset.transpose("subject", "session", "unit", "place", "half")
    dataset["rate"] = dataset["rate_half"].mean("half")
    dataset["recorded"] = (("subject", "session", "unit"), present.astype("int8"))
    expected = metrics.corrected_similarity(dataset, select="all")
    np.testing.assert_allclose(ours, expected.values, rtol=1e-12)


def test_similarity_falls_by_days_and_visits_as_planned(rng: np.random.Generator):
    """exp(-(.03 days + .05 visits)), mean of 60 animals with 40 units of 5 minutes, within 4
    standard errors of 60 animals (and a bias of ratios below .01)."""
    animals = 60
    rates = np.full(animals, 0.03), np.full(animals, 0.05)
    similarity = observed_similarity(redrawn_maps(DESIGN, *rates, rng), DESIGN, rng)
    plan = DESIGN.schedule
    days, visits = (
        np.abs(values[:, np.newaxis] - values) for values in (plan.elapsed, plan.visits)
    )
    same = plan.room[:, np.newaxis] == plan.room
    expected = np.exp(-0.03 * days - 0.05 * visits)
    error = similarity.std(axis=0) / np.sqrt(animals)
    apart = np.abs(similarity.mean(axis=0) - expected)
    assert (apart[same] <= 4 * error[same] + 0.01).all()
    assert np.isnan(similarity[:, ~same]).all()


def test_the_design_of_a_recording_is_read_from_it():
    lens = drift.recording_design(np.arange(0.0, 12.0, 2.0), 30, minutes=8.0, event_rate=0.5)
    design = study_like(lens)
    assert (design.animals, design.units, design.sessions) == (1, 30, 6)
    assert design.intervals == (2.0,) and design.minutes == pytest.approx(8.0)
    assert design.event_rate == pytest.approx(0.5, rel=0.05) and design.registration_loss == 0
    assert design.rate_spread == pytest.approx(1.0, rel=0.1)
    lost = lens.assign(recorded=lens["recorded"].copy())
    lost["recorded"][0, 2, :15] = 0
    assert study_like(lost).registration_loss == pytest.approx(15 / 180)


def test_recordings_that_plan_nothing_are_refused():
    lens = drift.recording_design(np.arange(6.0), 10)
    with pytest.raises(RefusedInputError, match="three sessions in one environment"):
        study_like(lens.isel(session=slice(2)))
    minutes = lens.assign_coords(elapsed=lens["elapsed"].assign_attrs(units="min"))
    with pytest.raises(RefusedInputError, match="planned in days, got elapsed in min"):
        study_like(minutes)
    with pytest.raises(RefusedInputError, match="StudyDesign refused"):
        StudyDesign(sessions=1)
    with pytest.raises(RefusedInputError):
        StudyDesign(intervals=(2.0, -1.0))


def whole_cycles(
    design: StudyDesign, rates: np.ndarray, seed: int, group: int = 50
) -> tuple[np.ndarray, np.ndarray]:
    """(animal) drift rates by frames: runs of true maps, observed as the design says, units missed,
    measured with halves, corrected, and their slope; and those that power makes of the same maps.
    Animals are observed in groups that share their laps and nothing else."""
    rng = np.random.default_rng(seed)
    groups = np.split(rates, range(group, rates.size, group))
    each = [_group(design, own, rng, seed + number) for number, own in enumerate(groups)]
    elapsed = labelled_sessions(design, rates.size)["elapsed"]
    slopes = [
        metrics.drift_rate(as_similarity(np.concatenate(values)), elapsed)["drift_rate"].values
        for values in zip(*each, strict=True)
    ]
    return slopes[0], slopes[1]


def _group(
    design: StudyDesign, rates: np.ndarray, rng: np.random.Generator, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """(animal, session, session) similarity by whole cycles, and without frames."""
    maps = redrawn_maps(design, rates, np.zeros(rates.size), rng)
    observed = observed_together(design, maps, seed)
    sessions = [
        session.isel(
            unit=np.flatnonzero(rng.random(session.sizes["unit"]) >= design.registration_loss)
        )
        for session in observed
    ]
    measured = drift.measure(sessions, halves="trials").reindex(unit=in_order(observed[0]))
    similarity = metrics.corrected_similarity(apart(measured, rates.size), select="all")
    return similarity.values, observed_similarity(maps, design, rng)


def observed_together(design: StudyDesign, maps: np.ndarray, seed: int) -> list[xr.Dataset]:
    """Frames of all animals, whose units are as those of one, at the event rates of their maps."""
    days, (animals, _, units, places) = design.schedule.elapsed, maps.shape
    lens = drift.recording_design(
        days, animals * units, places=places, minutes=design.minutes, geometry="ring"
    )
    levels = np.sort(maps[:, 0].mean(axis=-1).ravel())[:, np.newaxis]
    lens["rate"] = lens["rate"].copy(data=np.broadcast_to(levels, lens["rate"].shape))
    true = maps.transpose(1, 0, 2, 3).reshape(1, days.size, animals * units, places)
    run = lens[["rate", "occupancy", "recorded"]].assign(rate=lens["rate"].copy(data=true))
    return list(drift.observe(run, like=lens, seed=seed, sampling_rate=5.0))


def in_order(observed: xr.Dataset) -> np.ndarray:
    """Numbers of the observed units in the order of the true ones."""
    return np.argsort([int(str(label).split()[1]) for label in observed["unit_label"].values])


def apart(measured: xr.Dataset, animals: int) -> xr.Dataset:
    """The units of each animal as those of a subject."""
    split = {}
    for name in ("rate", "rate_half", "recorded"):
        values = measured[name].isel(subject=0).transpose("session", "unit", ...)
        own = values.values.reshape(len(values), animals, -1, *values.shape[2:]).swapaxes(0, 1)
        split[name] = (("subject", *values.dims), own)
    split["recorded"] = (split["recorded"][0], np.nan_to_num(split["recorded"][1]))
    days = np.tile(measured["elapsed"].values, (animals, 1))
    coords = {"elapsed": (("subject", "session"), days, {"units": "day"})}
    return xr.Dataset(split, coords={"subject": np.arange(animals), **coords})


def test_frames_count_the_events_that_were_planned(rng: np.random.Generator):
    """Events of 20 animals by frames, far from fields, at their edges and in them: within 4
    standard errors of what the maps expect, and 1 % of all, as whole frames last a little less."""
    design = DESIGN.replace(intervals=(2.0,), registration_loss=0.0)
    maps = redrawn_maps(design, np.full(20, 0.1), np.zeros(20), rng)
    observed = observed_together(design, maps, 5)
    measured = drift.measure(observed).reindex(unit=in_order(observed[0]))
    counts = (measured["rate"] * measured["occupancy"]).isel(subject=0)
    counted = counts.transpose("session", "unit", "place").values
    expected = maps.transpose(1, 0, 2, 3).reshape(counted.shape) * 60 * 5.0 / maps.shape[-1]
    near = expected / expected.max(axis=-1, keepdims=True)
    for low, high in ((0.0, 0.1), (0.1, 0.6), (0.6, 1.1)):
        here = (near >= low) & (near < high)
        assert counted[here].sum() == pytest.approx(
            expected[here].sum(), abs=4 * np.sqrt(expected[here].sum()) + 0.01 * expected.sum()
        )
