"""What cannot be divided by its first session is NaN and named; the rest goes on."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import drift
from drift.comparison.conventions import CONVENTIONS
from drift.comparison.shares import explained
from drift.comparison.sources import described_source


def of_counts(values: list[list[float]]) -> xr.Dataset:
    """A run whose active units are given, (subject, session)."""
    run = drift.wandering_fields(
        range(len(values)), sessions=len(values[0]) + 1, units=6, movement=0.0
    ).isel(session=slice(1, None))
    return run.assign(
        active_units=(("subject", "session"), np.array(values, dtype=float)),
        subject=list("abc")[: len(values)],
    )


@pytest.mark.parametrize(
    ("values", "named", "curves"),
    [
        ([[0, 1, 2, 3]], "a", {}),
        ([[0, 0, 0, 0]], "a", {}),
        ([[0, 1, 2, 3], [0, 2, 2, 2]], "a, b", {}),
        (
            [[0, 2, 4, 6], [2, 2, 2, 2]],
            "a",
            {"ratio_of_means": [1, 2, 3, 4], "mean_of_ratios": [1, 1, 1, 1]},
        ),
        ([[np.nan, 0, 1, 1], [4, 4, 2, 2]], "", {"mean_of_ratios": [1, 1, 0.5, 0.5]}),
        ([[1, 2, 3, 4]], "", {"ratio_of_means": [1, 2, 3, 4], "mean_of_ratios": [1, 2, 3, 4]}),
    ],
)
def test_a_first_value_of_0_leaves_its_subject_out(values, named, curves):
    found = described_source(of_counts(values), ["active_units", "spatial_information"])
    found = found.assign_coords(convention=list(CONVENTIONS))
    assert found["undivided"].values.tolist() == [named, ""]
    for name in CONVENTIONS:
        curve = found["curve"].isel(measure=0).sel(convention=name)
        if name in curves:
            assert np.allclose(curve, curves[name])
        elif not curves:
            assert curve.isnull().all() and found["slope"].isel(measure=0).isnull().all()
    assert found["slope"].isel(measure=1).notnull().all()  # the other measure goes on


def test_a_comparison_names_measure_subject_and_source(tmp_path):
    run = drift.wandering_fields(sessions=6, units=20, movement=0.04)
    lens = drift.published_design("Sheintuch 2023").isel(session=slice(0, 4), unit=slice(30, None))
    recorded = drift.measure(
        drift.observe(run, lens.assign(rate=5 * lens["rate"]), sampling_rate=2)
    )
    none = recorded["fraction_place_units"].where(
        (recorded["session"] > 0) | (recorded["subject"] != recorded["subject"][0]), 0.0
    )
    comparison = drift.compare(
        run,
        recorded.assign(fraction_place_units=none),
        sampling_rate=2,
        shuffles=0,
        bootstraps=0,
        null_draws=0,
    )
    label = str(recorded["subject"].values[0])
    assert comparison["undivided"].sel(source="recorded", measure="fraction_place_units") == label
    assert comparison["slope"].sel(source="recorded", measure="active_units").notnull().all()
    text = drift.comparison_table(comparison)
    assert f"  recorded: the first value of {label} is 0" in text
    page = drift.report(comparison, tmp_path / "a.html").read_text(encoding="utf-8")
    assert f"Caution: the fraction of place cells of {label} in the recording is 0" in page


@pytest.mark.parametrize(
    ("p", "known"), [(0.0, True), (0.049, True), (0.051, False), (0.7, False), (np.nan, False)]
)
def test_no_share_of_a_change_that_is_not_certain(p, known):
    by = ("source", "measure")
    sources = xr.Dataset(
        {
            "change": (by, [[0.2], [0.1]]), "change_standard_error": (by, [[0.05], [0.05]]), "p_value": (by, [[p], [0.9]]),
        },
        coords={"source": ["observed", "frozen code"], "measure": ["active_units"]},
    )  # fmt: skip
    share = (
        explained(sources, ["frozen code"])["share_explained"]
        .sel(source="observed", null="frozen code")
        .item()
    )
    assert share == pytest.approx(0.5) if known else np.isnan(share)


@pytest.mark.slow
def test_a_frozen_code_shows_no_certain_drift_through_a_lens():
    """20 frozen runs of two subjects: at 5 % each, 4 or more certain falls of the correlation occur
    with probability .016."""
    lens = drift.published_design("Sheintuch 2023").isel(session=slice(0, 5), unit=slice(30, None))
    lens = lens.assign(rate=5 * lens["rate"])
    certain = 0
    for seed in range(20):
        frozen = drift.frozen_code(drift.wandering_fields(sessions=6, units=20, movement=0.04))
        seen = drift.measure(drift.observe(frozen, lens, seed=seed, sampling_rate=2))
        found = described_source(seen, ["rate_map_correlation"]).isel(measure=0, convention=1)
        certain += bool(found["p_value"] < 0.05 and found["slope"] < 0)
    assert certain < 4
