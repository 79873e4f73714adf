"""The page of first questions names functions that are there, and commands that there are."""

from __future__ import annotations

import re

import pytest
from checkout import CHECKOUT

import drift
from drift import metrics, plots, widgets
from drift.cli import COMMANDS

PAGE = (CHECKOUT / "docs" / "how_to" / "questions.md").read_text()
NAMED = sorted(set(re.findall(r"\b(drift|metrics|plots|widgets)\.(\w+)\(", PAGE)))


@pytest.mark.parametrize(("place", "name"), NAMED)
def test_functions_are_there(place: str, name: str):
    places = {"drift": drift, "metrics": metrics, "plots": plots, "widgets": widgets}
    assert callable(getattr(places[place], name))


def test_commands_are_there():
    commands = set(re.findall(r"`repdrift (\w+)", PAGE))
    assert len(commands) >= 4 and commands <= set(COMMANDS)


def test_names_are_found_at_all():
    assert len(NAMED) > 15


# What people type into the search of the pages, and a page that answers.
SEARCHED = {
    "camera": "files/two_clocks",
    "deconvolution": "files/events",
    "dF/F": "files/events",
    "remapping": "several_environments",
    "heatmap": "report",
    "reliability": "correlation_over_days",
    "split-half": "correlation_over_days",
    "odd": "correlation_over_days",
    "half-life": "correlation_over_days",
    "confidence interval": "correlation_over_days",
    "mixed model": "days_or_laps",
    "decode": "decoding",
    "smoothing": "own_data",
    "speed": "own_data",
    "Docker": "install",
    "conda": "install",
}


@pytest.mark.parametrize("word", SEARCHED)
def test_a_search_leads_to_the_page_that_answers(word: str):
    text = (CHECKOUT / "docs" / "how_to" / f"{SEARCHED[word]}.md").read_text()
    prose = re.sub(r"^```[\s\S]*?^```$", "", text, flags=re.MULTILINE)
    assert re.search(rf"\b{re.escape(word)}\b", prose, re.IGNORECASE)
