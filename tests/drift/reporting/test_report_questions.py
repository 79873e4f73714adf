"""Sections of pages that answer one question of a recording."""

from __future__ import annotations

import pytest
import xarray as xr
from ring_days import days

import drift
from drift.reporting.questions import geometry
from drift.reporting.questions.experience import days_or_laps
from drift.reporting.questions.geometry import NO_HALVES, where_it_drifts


@pytest.fixture(scope="module")
def recorded() -> xr.Dataset:
    return drift.measure(days(0, 0.2, redrawn=0.4, rooms="AAAA"), halves="trials")


def test_where_it_drifts(recorded: xr.Dataset):
    text = where_it_drifts(recorded)
    assert text.count("<tr>") == 10 and text.count("<figure") == 2
    assert "alignment with noise" in text and "of 6" in text
    assert "One subject has no interval" in text and "cannot tell laps" in text


def test_without_halves_the_reason_is_told(recorded: xr.Dataset):
    bare = recorded.drop_vars([name for name in recorded if "half" in str(name)])
    assert where_it_drifts(bare) == f"<p>{NO_HALVES}</p>"
    assert days_or_laps(bare) == ""


def test_days_or_laps_warns_where_the_design_cannot_tell(recorded: xr.Dataset):
    text = days_or_laps(recorded)
    assert "Caution: time and experience correlate by 1.00" in text
    assert "cannot be told" in text and "Of one subject" in text and text.count("<figure") == 2


def test_too_few_sessions_say_so(recorded: xr.Dataset):
    text = days_or_laps(recorded.isel(session=[0, 1], session_other=[0, 1], missing_dims="ignore"))
    assert text.startswith("<p>Days and laps were not told apart")


def test_many_sessions_are_thinned(recorded: xr.Dataset, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(geometry, "MOST_SESSIONS", 3)
    text = geometry.where_it_drifts(recorded)
    assert "Of 4 sessions 3 are compared" in text and "of 3" in text
