"""What measures and pictures of stability refuse: rubbish in one sentence of their own, never the
error of a library, and never a picture of something else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

import drift
from data_adapters.session import session_dataset
from data_adapters.statements import stated
from drift import metrics, plots
from drift.errors import RefusedInputError
from drift.observation import frozen_twins
from drift.stability import absent_measures

BEND = Callable[[xr.Dataset], xr.Dataset]


@pytest.fixture(scope="module")
def sessions() -> list[xr.Dataset]:
    """Three days of three laps in each of two directions, 8 units."""
    return [_session(number) for number in range(3)]


@pytest.fixture(scope="module")
def maps(sessions: list[xr.Dataset]) -> xr.Dataset:
    return drift.measure(sessions, halves="trials")


@pytest.fixture
def ax() -> Any:
    return Figure().subplots()


def _session(number: int) -> xr.Dataset:
    rng = np.random.default_rng(number)
    position = 50 + 45 * np.sin(2 * np.pi * np.arange(2400) / 400)
    rates = 6 * np.exp(-((position[:, None] - np.linspace(10, 90, 8)) ** 2) / 200)
    return session_dataset(
        activity=rng.poisson(rates / 20), position=position, sampling_rate=20.0, subject="a",
        session=number, elapsed=float(number), elapsed_units="day", environment="A",
        source="drawn", unit_identity="a", bin_size=10.0, minimum_speed=0.0,
    )  # fmt: skip


def refused(call: Callable[[], object], words: str) -> None:
    with pytest.raises(RefusedInputError, match=words) as refusal:
        call()
    text = str(refusal.value)
    assert "report it if they fit" not in text and "\n" not in text


def _environments(maps: xr.Dataset) -> xr.Dataset:
    single = maps.drop_vars("environment")
    return xr.concat([single, single], dim="environment", data_vars="all")


BENDS: dict[str, tuple[BEND, str]] = {
    "nan": (
        lambda maps: maps.assign(rate=maps["rate"] * np.nan, rate_half=maps["rate_half"] * np.nan),
        "rate NaN throughout",
    ),
    "no time": (
        lambda maps: maps.assign_coords(elapsed=maps["elapsed"] * np.nan),
        "elapsed NaN throughout",
    ),
    "one half": (lambda maps: maps.isel(half=[0]), "two halves of each session, got 1"),
    "huge": (lambda maps: maps.assign(rate=maps["rate"] * 1e200), "at most 1e\\+100"),
    "huge halves": (lambda maps: maps.assign(rate_half=maps["rate_half"] * 1e200), "rate_half"),
    "negative halves": (lambda maps: maps.assign(rate_half=-maps["rate_half"]), "0 or more"),
}


@pytest.mark.parametrize("bend", BENDS)
@pytest.mark.parametrize(
    "measure", [drift.sampling_noise, frozen_twins, drift.frozen_code], ids=lambda one: one.__name__
)
def test_twins_of_rubbish(measure: Callable[..., object], bend: str, maps: xr.Dataset):
    bent, words = BENDS[bend]
    refused(lambda: next(iter(measure(bent(maps)))), words)


@pytest.mark.parametrize("measure", [metrics.reliability_interval, metrics.unrelated_similarity])
def test_environments_along_a_dim(measure: Callable[..., object], maps: xr.Dataset):
    refused(lambda: measure(_environments(maps)), "isel\\(environment=0\\)")


def test_silent_maps_are_not_transformed(maps: xr.Dataset):
    silent = maps.assign(rate=0 * maps["rate"], rate_half=0 * maps["rate_half"])
    every = xr.ones_like(maps["recorded"].isel(session=0, drop=True), dtype=bool)
    shares = metrics.drift_transformations(silent, keep=every, surrogates=1)
    assert not bool(shares["share"].notnull().any())


def test_occupancy_in_single_precision_adds_up(maps: xr.Dataset):
    long = maps.isel(session=[0]).assign(
        occupancy=(maps["occupancy"] / 3).isel(session=[0]).astype("float32")
    )
    density = metrics.centroid_density(long)
    np.testing.assert_allclose(density["expected"].sum("place"), 1, rtol=1e-12)
    assert density["expected"].dtype == np.float64


@pytest.mark.parametrize(
    "matrix", [np.full((3, 3), np.nan), 1e308 * np.eye(3), np.full((3, 3), np.inf)]
)
def test_covariances_are_finite(matrix: np.ndarray):
    refused(lambda: metrics.frozen_alignment(np.eye(3), matrix), "finite")
    refused(lambda: metrics.frozen_alignment(matrix), "finite")


@pytest.mark.parametrize("bin_size", [1e-308, 1e-9])
def test_bins_of_nothing(bin_size: float, sessions: list[xr.Dataset]):
    refused(lambda: metrics.trial_noise_covariance(sessions, bin_size=bin_size), "would make")


@pytest.mark.parametrize(
    "statistic", [lambda: None, int, lambda own: None, lambda own: own, lambda own: xr.DataArray(1)]
)
def test_a_statistic_that_is_none(
    statistic: Callable[..., Any], maps: xr.Dataset, sessions: list[xr.Dataset]
):
    refused(lambda: drift.trial_interval(maps, sessions, statistic), "statistic")
    refused(lambda: metrics.nested_interval(maps["rate"], statistic=statistic), "statistic")


@pytest.mark.parametrize("labels", [["0", "1", "2"], [0.5, 1.5, 2.5], [7, 8, 9]])
def test_trials_of_other_sessions(labels: list[Any], maps: xr.Dataset, sessions: list[xr.Dataset]):
    renamed = maps.assign_coords(session=labels)
    refused(
        lambda: drift.trial_interval(renamed, sessions, metrics.mean_rate_map_correlation),
        "pass the same sessions",
    )


def test_an_interval_of_complex_numbers(maps: xr.Dataset):
    interval = metrics.nested_interval(maps["spatial_information"].isel(session=0))
    assert "independent subject" in metrics.interval_text(interval)
    refused(lambda: metrics.interval_text(interval * 1j), "one entry of nested_interval")
    refused(lambda: metrics.interval_text(interval.astype(str)), "one entry of nested_interval")


@pytest.mark.parametrize("text", ["[1]", "1", "null", "{", '"a"'])
def test_reasons_that_are_no_mapping(text: str):
    refused(lambda: absent_measures(xr.Dataset(attrs={"absent": text})), "absent")


def test_unknown_options_name_the_nearest():
    refused(lambda: stated({"trak": "a.csv"}), "did you mean track")
    refused(lambda: stated({"unknown_option": None}), "unknown")


PICTURES = (
    "alignment_with_null", "dimension_by_lag", "transformation_shares", "hazard_by_age",
    "recorded_beside_frozen", "wrong_match_sensitivity", "displacement_by_lag", "jumps_by_lag",
    "recurrence_by_lag", "survival_curve", "shift_histogram", "predicted_drift",
    "estimated_drift",
)  # fmt: skip


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_of_another_result(name: str, maps: xr.Dataset, ax: Any):
    picture = getattr(plots, name)
    further = {"elapsed": maps["elapsed"]} if "elapsed" in picture.__annotations__ else {}
    for other in (maps, xr.Dataset(), drift.code_stability(maps, twins=0).isel(subject=0)):
        refused(lambda other=other: picture(other, ax=ax, **further), "pass the result of")


@pytest.mark.parametrize("bend", ["session", "subject", "more", "text", "complex"])
def test_pairs_that_are_none(bend: str, maps: xr.Dataset, ax: Any):
    pairs = metrics.mean_rate_map_correlation(maps)
    bent = {
        "session": lambda: pairs.isel(session=0),
        "subject": lambda: pairs.isel(subject=0),
        "more": lambda: pairs.expand_dims("more"),
        "text": lambda: pairs.astype(str),
        "complex": lambda: pairs * 1j,
    }[bend]()
    for drawn in ((bent, pairs, None), (pairs, bent, None), (pairs, pairs, bent)):
        similarity, corrected, ceiling = drawn
        with pytest.raises(RefusedInputError) as refusal:
            plots.similarity_and_ceiling(similarity, corrected, maps["elapsed"], ax, ceiling)
        assert "report it if they fit" not in str(refusal.value)


def test_kinds_are_all_there(maps: xr.Dataset, ax: Any):
    every = xr.ones_like(maps["recorded"].isel(session=0, drop=True), dtype=bool)
    dimension = metrics.drift_dimension(maps, keep=every, shuffles=1)
    refused(
        lambda: plots.dimension_by_lag(dimension.isel(kind=[0, 1]), maps["elapsed"], ax), "labels"
    )
    alignment = metrics.drift_alignment(maps, keep=every, shuffles=2)
    refused(lambda: plots.alignment_with_null(-alignment, ax), "0 or more")


def test_an_interrupt_says_what_became_of_files(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    from drift import cli

    def interrupted(*_: str) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_answer", interrupted)
    assert cli.main(["noise"]) == 130
    assert "left as they were" in capsys.readouterr().err
