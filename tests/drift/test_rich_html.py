"""Recipes, circuits, fits and comparisons in a notebook: well-formed, escaped, without scripts, and
the Python line makes the recipe."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Literal

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from pydantic import Field
from test_recipe import experiments

import circuits
import drift
from drift.html import block, python_line, table
from drift.recipe import Recipe

HOSTILE = "<script>alert(1)</script>&<b>"
VOID = {"br", "img", "hr", "meta"}


class Reader(HTMLParser):
    """Tags in order, texts of bold entries, and a complaint about what is not closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.bold: list[str] = []
        self.text = ""
        self.feed(text)
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if "b" in self.open:
            self.bold.append(data)


class Personal(Recipe):
    """A recipe of a user's own."""

    kind: Literal["personal"] = "personal"
    word: str
    numbers: tuple[float, ...] = Field(default=(), strict=False)


class Shown(Personal):
    def _repr_html_(self) -> str:
        return "as I like it"


@given(experiments)
def test_the_python_line_makes_the_recipe(recipe: drift.Experiment):
    assert eval(python_line(recipe), {"drift": drift}) == recipe
    Reader(recipe._repr_html_())


@pytest.mark.parametrize(
    "circuit",
    [
        circuits.LinearInterneuron(units=7, gain=3.5),
        circuits.CountControl(units=90),
        circuits.PlaceInput(geometry="ring"),
    ],
)
def test_the_python_line_makes_the_circuit(circuit: Recipe):
    assert eval(python_line(circuit), {"circuits": circuits}) == circuit


def test_entries_that_differ_from_the_defaults_are_bold():
    recipe = drift.Experiment(
        network=drift.Network(units=7),
        learner=drift.Adam(),
        noise=[drift.UpdateNoise(std=0.03)],
        sessions=[0, 3, 10],
    )
    seen = Reader(recipe._repr_html_())
    assert seen.bold == ["Experiment", "7", "Adam", "UpdateNoise", "0.03", "0, 3, 10"]
    assert (
        "CorridorTask" in seen.text
        and "learning_rate0.001" in seen.text
        and "minibatchnot set" in seen.text
    )
    assert "script" not in seen.tags


def test_what_a_user_typed_is_escaped():
    seen = Reader(Personal(word=HOSTILE)._repr_html_())
    assert HOSTILE in seen.text and "script" not in seen.tags
    assert f"Personal(word={HOSTILE!r})" in seen.text
    assert HOSTILE in Reader(block(table([HOSTILE], [[HOSTILE]], HOSTILE))).text


def test_large_entries_are_counted_and_have_no_line():
    seen = Reader(Personal(word="x", numbers=tuple(np.arange(1000.0)))._repr_html_())
    assert "1000 numbers" in seen.text and "Personal(word" not in seen.text


def test_a_subclass_shows_itself_as_it_likes():
    assert Shown(word="x")._repr_html_() == "as I like it"


def test_numbers_of_tables():
    seen = Reader(table(["a"], [[0.123456], [np.nan], [12], ["text"]]))
    assert seen.text == "a0.123-12text"


def test_a_circuit_shows_its_equations():
    circuit = circuits.LinearInterneuron(units=7)
    seen = Reader(circuit._repr_html_())
    assert (
        "dE/dt" in seen.text
        and "20 ms" in seen.text
        and "circuits.LinearInterneuron(units=7)" in seen.text
    )


def test_a_fit_shows_estimates_and_goodness():
    one = {"parameter": ["gain", HOSTILE], "bound": ["low", "high"], "subject": [HOSTILE]}
    dataset = xr.Dataset(
        {
            "estimate": (("subject", "parameter"), [[80.0, 9.0]]),
            "interval": (("subject", "parameter", "bound"), [[[40.0, 160.0], [1.0, 100.0]]]),
            "identified": (("subject", "parameter"), [[1, 0]]),
            "distance": ("subject", [2.5]), "degrees_of_freedom": ("subject", [2]), "p_value": ("subject", [0.29]),
            "condition_number": ("subject", [7.0]), "converged": (("subject", "restart"), [[1]]),
        },
        coords={**one, "parameter_units": ("parameter", ["1", "day"])},
    )  # fmt: skip
    seen = Reader(circuits.Fit(dataset)._repr_html_())
    assert HOSTILE in seen.text and "script" not in seen.tags
    assert (
        "gain80140 to 160yes" in seen.text
        and "1 to 100no" in seen.text
        and "distance 2.5 for 2 degrees of freedom" in seen.text
    )
