"""How far corrections of information are off for cells of known information, by events and places:
``python tests/drift/metrics/information/test_validity.py`` simulates the table of
``drift.metrics.information.validity`` and of docs/explanation/information_bias.md anew."""

from __future__ import annotations

import sys
import warnings

import numpy as np
import pytest
import xarray as xr

from drift.metrics import (
    bounded_asymptotic_extrapolation,
    expected_error,
    information_curves,
    population_curves,
    scaled_shuffle_reduction,
    shuffle_reduction,
    spatial_information,
)
from drift.metrics.information.validity import EVENTS, PLACES, SIMULATED

SAMPLES, CELLS, REPETITIONS, POPULATIONS = 6000, 100, 3, 40
COLUMNS = ("naive", "shuffle reduction", "scaled shuffle reduction", "extrapolation")


def drawn_maps(rng, places):
    """(unit, place) rates of cells with a Gaussian field and events elsewhere; their widths and
    shares differ between populations (field of .03 to .12 of the track, 0 to 30 % elsewhere) and
    by 40 and 50 % between cells."""
    width = rng.uniform(0.03, 0.12) * rng.uniform(0.6, 1.4, (CELLS, 1)) * places
    elsewhere = rng.uniform(0, 0.3) * rng.uniform(0.5, 1.5, (CELLS, 1))
    centre = rng.uniform(0, places, (CELLS, 1))
    field = np.exp(-0.5 * ((np.arange(places) + 0.5 - centre) / width) ** 2)
    return (1 - elsewhere) * field / field.sum(1, keepdims=True) + elsewhere / places


def drawn_events(rng, rate, place, events):
    """(sample, unit) that many events of each unit, drawn by the rate at the place of a sample."""
    activity = np.zeros((place.size, len(rate)))
    for unit, row in enumerate(rate):
        cumulative = np.cumsum(row[place])
        drawn = np.searchsorted(cumulative, rng.random(events) * cumulative[-1])
        np.add.at(activity[:, unit], drawn, 1)
    return xr.DataArray(activity, dims=("sample", "unit")).assign_attrs(kind="counts")


def errors(rng, events, places):
    """Estimates of the mean information of a population of place cells less the truth, and the
    truth, in the order of ``COLUMNS``."""
    rate = drawn_maps(rng, places)
    visited = np.exp(0.3 * rng.normal(size=places))
    place = rng.choice(places, SAMPLES, p=visited / visited.sum())
    occupancy = np.bincount(place, minlength=places).astype(float)
    truth = spatial_information(
        xr.DataArray(rate, dims=("unit", "place")), xr.DataArray(occupancy, dims="place")
    ).mean()
    curves = information_curves(
        drawn_events(rng, rate, place, events), xr.DataArray(place, dims="sample"), 0.05, rng, REPETITIONS
    )["spatial_information"]  # fmt: skip
    population = population_curves(curves)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimates = (
            population.isel(order=0, fraction=-1),
            shuffle_reduction(population),
            scaled_shuffle_reduction(population)["estimate"],
            bounded_asymptotic_extrapolation(population)["estimate"],
        )
    return [*(float(estimate - truth) for estimate in estimates), float(truth)]


def simulated(events, places, populations):
    """(population, column) errors and truths, from a stream of their own for every cell of the
    table."""
    rng = np.random.default_rng([places, events])
    return np.array([errors(rng, events, places) for _ in range(populations)])


def within_errors(events, places, populations):
    """Simulated bias of both corrections against the table, in standard errors of the former and
    of the latter (40 populations), and of its rounding."""
    values = simulated(events, places, populations)[:, 2:4]
    expected = [expected_error(events, places, name).bias for name in SIMULATED]
    error = values.std(axis=0, ddof=1) * np.sqrt(1 / populations + 1 / POPULATIONS) + 0.005
    return np.abs(values.mean(axis=0) - expected) / error


def test_the_table_is_that_of_simulated_cells():
    assert (within_errors(15, 40, 6) < 4).all()


@pytest.mark.slow
@pytest.mark.parametrize("places", [20, 40])
@pytest.mark.parametrize("events", [10, 15, 25, 50])
def test_the_whole_table_is_that_of_simulated_cells(events, places):
    assert (within_errors(events, places, 24) < 4).all()


@pytest.mark.parametrize("name", list(SIMULATED))
def test_expected_error_is_the_table_and_between_its_numbers_lies_between(name):
    for places, row in zip(PLACES, SIMULATED[name], strict=True):
        for events, value in zip(EVENTS, row, strict=True):
            assert expected_error(events, places, name) == pytest.approx(value)
    corners = [SIMULATED[name][row][column][0] for row in (1, 2) for column in (2, 3)]
    assert min(corners) < expected_error(35, 30, name).bias < max(corners)
    assert expected_error(3, 40, name) == expected_error(10, 40, name)
    assert expected_error(10_000, 40, name) == expected_error(200, 40, name)
    assert expected_error(100, 320, name) == pytest.approx(expected_error(50, 160, name))


def curves_of(events, places):
    """Curves of one population."""
    rng = np.random.default_rng(5)
    place = rng.integers(0, places, 2000)
    activity = drawn_events(rng, drawn_maps(rng, places)[:20], place, events)
    return population_curves(
        information_curves(activity, xr.DataArray(place, dims="sample"), 0.05, rng, 1)[
            "spatial_information"
        ]
    )


def test_corrections_warn_where_they_are_expected_to_be_off():
    few = curves_of(15, 40)
    assert float(few["events"]) == 15 and int(few["places"]) == 40
    with pytest.warns(
        UserWarning, match=r"scaled shuffle .* by -0.37 ± 0.09 .* 15 events on 40 places"
    ):
        scaled_shuffle_reduction(few)
    with pytest.warns(UserWarning, match=r"extrapolation .* by -0.21 .* 15 events on 40 places"):
        bounded_asymptotic_extrapolation(few)


@pytest.mark.filterwarnings("ignore:scaled shuffle", "ignore:bounded asymptotic")
def test_the_stability_does_not_tell():
    few = curves_of(15, 40)
    assert scaled_shuffle_reduction(few)["stability"] > 0.9
    assert bounded_asymptotic_extrapolation(few)["r_squared"] > 0.95


def test_corrections_are_silent_where_they_are_good():
    many = curves_of(100, 20)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scaled_shuffle_reduction(many)
        bounded_asymptotic_extrapolation(many)


def test_curves_of_units_and_curves_that_do_not_tell_their_events_do_not_warn():
    few = curves_of(15, 40)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scaled_shuffle_reduction(few.drop_vars("events"))


def lines():
    """Rows of the table of the page: bias and its standard deviation over populations."""
    yield f"| events | places | truth | {' | '.join(COLUMNS)} |"
    yield "|---|---|---|" + "---|" * len(COLUMNS)
    for places in PLACES:
        for events in EVENTS:
            values = simulated(events, places, POPULATIONS)
            cells = [
                f"{mean:+.2f} ± {spread:.2f}"
                for mean, spread in zip(values.mean(axis=0)[:-1], values.std(axis=0)[:-1], strict=True)
            ]  # fmt: skip
            yield f"| {events} | {places} | {values[:, -1].mean():.1f} | {' | '.join(cells)} |"


if __name__ == "__main__":
    for line in lines():
        sys.stdout.write(line + "\n")
