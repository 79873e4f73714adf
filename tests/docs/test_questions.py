"""The page of first questions names functions that are there, and commands that there are."""

from __future__ import annotations

import re

import pytest
from checkout import CHECKOUT

import drift
from drift import metrics, widgets
from drift.cli import COMMANDS

PAGE = (CHECKOUT / "docs" / "how_to" / "questions.md").read_text()
NAMED = sorted(set(re.findall(r"\b(drift|metrics|widgets)\.(\w+)\(", PAGE)))


@pytest.mark.parametrize(("place", "name"), NAMED)
def test_functions_are_there(place: str, name: str):
    assert callable(getattr({"drift": drift, "metrics": metrics, "widgets": widgets}[place], name))


def test_commands_are_there():
    commands = set(re.findall(r"`repdrift (\w+)", PAGE))
    assert len(commands) >= 4 and commands <= set(COMMANDS)


def test_names_are_found_at_all():
    assert len(NAMED) > 15
