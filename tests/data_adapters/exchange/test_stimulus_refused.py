"""Sessions that are labelled by stimuli are not written for other tools, in one sentence."""

from __future__ import annotations

import pytest
from shown_stimuli import odours

import data_adapters
from data_adapters import interchange
from drift.cli import main
from drift.errors import RefusedInputError

SENTENCE = "session 0 of m was expected to have a position, got a stimulus, which to_nwb and"


def test_objects_of_pynapple_hold_no_stimulus():
    pytest.importorskip("pynapple")
    with pytest.raises(RefusedInputError, match=SENTENCE):
        data_adapters.to_pynapple(odours())


def test_nwb_files_hold_no_stimulus(tmp_path, capsys):
    pytest.importorskip("pynwb")
    with pytest.raises(RefusedInputError, match=SENTENCE):
        data_adapters.to_nwb([odours(0), odours(1)], tmp_path)
    assert not list(tmp_path.iterdir())
    interchange.write_interchange(odours(), tmp_path)
    words = ["export", "nwb", str(tmp_path), "--format", "interchange"]
    assert main([*words, "--out", str(tmp_path / "nwb")]) == 2
    assert SENTENCE in capsys.readouterr().err
