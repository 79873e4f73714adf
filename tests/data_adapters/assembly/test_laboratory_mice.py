"""Mice whose code is known pass through the layouts of tools: what comes out is what was planted,
whichever way it took."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import laboratory_mice as layouts
import numpy as np
import pytest
import xarray as xr
from laboratory_mice import BEGIN, CAMERA, CAMERA_CLOCK, CORNER, LENGTH, PIXEL, Mouse, mouse

import data_adapters
import drift
from drift import metrics

WITHIN = 2 * layouts.FIELD  # cm from the ends, where fields are whole


class Way(NamedTuple):
    """How a mouse is written, and with which options it is read."""

    day: Callable[..., Any]
    over_days: Callable[..., Any]
    options: dict[str, Any]


WAYS = {
    "suite2p": Way(
        layouts.write_suite2p,
        layouts.write_track2p,
        {"track": "virmen.csv", "registration": "track2p"},
    ),
    "phy": Way(
        layouts.write_phy,
        layouts.write_clusters_registered,
        {
            "track": "*DLC*.csv",
            "bodypart": "body",
            "position": "x",
            "track_rate": CAMERA,
            "scale": PIXEL,
            "origin": (CORNER[0],),
            "start": BEGIN,
            "registration": "clusters.npz",
            "epochs": "epochs.csv",
        },
    ),
    "caiman": Way(
        layouts.write_caiman,
        layouts.write_cellreg,
        {
            "track": "virmen.csv",
            "registration": "cellRegistered_*.mat",
            "start": CAMERA_CLOCK + BEGIN,
        },
    ),
    "nwb": Way(
        layouts.write_nwb,
        layouts.write_nothing,
        {"epochs": "A,B", "events": "Deconvolved", "geometry": "linear"},
    ),
}


def written(way: str, subjects: list[Mouse], folder) -> dict[str, Any]:
    """Write the mice, and return what the reader needs."""
    for subject in subjects:
        for day in subject.days:
            WAYS[way].day(folder, day)
        WAYS[way].over_days(folder, subject)
    return {"track_length": LENGTH, **WAYS[way].options}


def units_of(way: str, subject: Mouse) -> np.ndarray:
    """Number of the unit of each cell, as the registration has it."""
    first = subject.days[0]
    if way != "suite2p":
        return np.arange(subject.tuned.size)
    units = np.empty(subject.tuned.size, dtype=int)
    units[first.cells] = first.rows  # track2p: rows are the regions of the first day
    return units


def rooms_of(subject: Mouse) -> list[tuple[Any, str]]:
    """Day and room of each session."""
    return [(day, room) for day in subject.days for room in dict.fromkeys(day.room.tolist())]


@pytest.mark.parametrize("way", WAYS)
def test_sessions_are_the_days_that_were_written(way, tmp_path):
    subject = mouse("m7", 1, days=4, cells=12, seconds=120.0)
    options = written(way, [subject], tmp_path)
    sessions = list(data_adapters.sessions(way, tmp_path, **options))
    units = units_of(way, subject)
    begin = {"suite2p": CAMERA_CLOCK + BEGIN, "nwb": BEGIN}.get(way, options.get("start"))
    assert [session["environment"].item() for session in sessions] == ["A", "A", "A", "A", "B"]
    assert [session["elapsed"].item() for session in sessions] == [0, 1, 2, 3, 3]
    for session, (day, room) in zip(sessions, rooms_of(subject), strict=True):
        assert set(session["unit"].values) == set(units[day.cells])
        assert session["unit_identity"].item() in ("registered", "global_roi_id")
        clock = session["time"].values - begin
        own = np.interp(clock, day.camera, day.place)
        known = np.isfinite(session["position"].values)
        assert known.mean() > 0.85
        # a frame of the microscope is timed by the pulses to a sample of the camera
        assert np.abs(session["position"].values - own)[known].max() < 3.0
        inside = (
            np.array([((train >= clock[0]) & (train < clock[-1])).sum() for train in day.trains])
            if room == day.room[0] and "B" not in day.room
            else None
        )
        if inside is not None:
            events = session["activity"].sel(unit=units[day.cells]).values
            counts = np.round(events / np.where(events > 0, events, np.inf).min(axis=0)).sum(axis=0)
            assert np.abs(counts - inside).max() <= 2


@pytest.fixture(scope="module")
def mice() -> list[Mouse]:
    return [mouse(f"m{seed}", seed) for seed in range(3)]


@pytest.fixture(scope="module", params=WAYS)
def measured(request, mice, tmp_path_factory) -> tuple[str, xr.Dataset]:
    folder = tmp_path_factory.mktemp(request.param)
    options = written(request.param, mice, folder)
    sessions = data_adapters.sessions(request.param, folder, **options)
    return request.param, drift.measure(sessions, shuffles=200, seed=3)


def centre_of(rate: np.ndarray, place: np.ndarray) -> float:
    """Centre of the field around the peak of a smoothed rate map, cm."""
    kernel = np.exp(-0.5 * np.arange(-3, 4) ** 2)
    smooth = np.convolve(np.nan_to_num(rate), kernel, "same")
    near = np.arange(max(0, smooth.argmax() - 4), min(smooth.size, smooth.argmax() + 5))
    weight = smooth[near] - smooth.min()
    return float((weight * place[near]).sum() / weight.sum())


@pytest.mark.slow
def test_fields_lie_where_they_were_planted(measured, mice):
    way, dataset = measured
    errors = []
    for subject in mice:
        units = units_of(way, subject)
        for number, (day, room) in enumerate(rooms_of(subject)):
            session = dataset.sel(subject=subject.name, session=number)
            for cell in day.cells[subject.tuned[day.cells]]:
                centre = day.centres[room][cell]
                if WITHIN < centre < LENGTH - WITHIN:
                    rate = session["rate"].sel(unit=units[cell]).values
                    errors.append(abs(centre_of(rate, session["place"].values) - centre))
    assert len(errors) > 300
    assert np.median(errors) < 1.0
    assert np.mean(np.array(errors) < float(dataset.attrs["bin_size"])) > 0.98


@pytest.mark.slow
def test_cells_without_a_field_are_place_cells_by_chance(measured, mice):
    way, dataset = measured
    untuned = [
        bool(dataset["place_unit"].sel(subject=subject.name, session=number, unit=unit))
        for subject in mice
        for number, (day, _room) in enumerate(rooms_of(subject))
        for unit in units_of(way, subject)[day.cells[~subject.tuned[day.cells]]]
    ]
    assert len(untuned) > 500
    assert abs(np.mean(untuned) - 0.05) < 0.02  # two standard errors of 600 cells


def planted(subject: Mouse, dataset: xr.Dataset) -> xr.DataArray:
    """Rate maps of the tuned cells as they were planted, (session, unit, place)."""
    maps = np.full((dataset.sizes["session"], subject.tuned.sum(), dataset.sizes["place"]), np.nan)
    for number, (day, room) in enumerate(rooms_of(subject)):
        for cell in day.cells[subject.tuned[day.cells]]:
            distance = dataset["place"].values - day.centres[room][cell]
            maps[number, cell] = np.exp(-(distance**2) / (2 * layouts.FIELD**2))
    return xr.DataArray(maps, dims=("session", "unit", "place"))


def relative_rate(dataset: xr.Dataset, rate: xr.DataArray) -> float:
    """Similarity lost per day, of what maps of one day share: noise of maps left out."""
    correlation = metrics.mean_rate_map_correlation(dataset.assign(rate=rate), smoothing=1.0)
    fit = metrics.drift_rate(correlation, dataset["elapsed"], longest_lag=5)
    return float(fit["drift_rate"][0] / (1 - fit["intercept"][0]))


@pytest.mark.slow
def test_the_drift_rate_is_the_planted_one(measured, mice):
    """Within two standard errors, which are those of the cells (bootstrap, 100 times)."""
    way, dataset = measured
    for subject in mice:
        row = dataset.sel(subject=[subject.name])
        row = row.sel(session=range(len(rooms_of(subject))))
        tuned = row.sel(unit=units_of(way, subject)[: subject.tuned.sum()])
        truth = planted(subject, row).expand_dims(subject=[subject.name])
        truth = truth.transpose(*tuned["rate"].dims).assign_coords(tuned["rate"].coords)
        difference = relative_rate(tuned, tuned["rate"]) - relative_rate(tuned, truth)
        rng = np.random.default_rng(5)
        resampled = []
        for _ in range(100):
            cells = rng.integers(0, tuned.sizes["unit"], tuned.sizes["unit"])
            some = tuned.isel(unit=cells).assign_coords(unit=np.arange(cells.size))
            resampled.append(
                relative_rate(some, some["rate"])
                - relative_rate(
                    some, truth.isel(unit=cells).assign_coords(unit=np.arange(cells.size))
                )
            )
        assert abs(difference) < 2.5 * np.std(resampled) + 0.005


@pytest.mark.slow
def test_all_ways_measure_the_same(mice, tmp_path):
    """Correlations of sessions agree between layouts within what their frames differ by."""
    similarity = {}
    for way in WAYS:
        (tmp_path / way).mkdir()
        options = written(way, mice, tmp_path / way)
        dataset = drift.measure(data_adapters.sessions(way, tmp_path / way, **options))
        similarity[way] = metrics.mean_rate_map_correlation(dataset, smoothing=1.0)
    for way in WAYS:
        difference = similarity[way].values - similarity["suite2p"].values
        assert np.nanmax(np.abs(difference)) < 0.06
        assert np.nanmean(np.abs(difference)) < 0.015
