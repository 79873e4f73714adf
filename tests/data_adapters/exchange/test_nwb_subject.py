"""What is said of the animal is said as archives take it, or refused in one sentence."""

from __future__ import annotations

import pytest
from exchanged_sessions import made

import data_adapters
from data_adapters.exchange.nwb_subject import not_given, subject_fields
from drift.errors import RefusedInputError

pynwb = pytest.importorskip("pynwb", reason="NWB needs pynwb: pip install 'repdrift[nwb]'")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("species", "Mus musculus"),
        ("species", "http://purl.obolibrary.org/obo/NCBITaxon_10090"),
        *(("sex", letter) for letter in "MFUO"),
        *(
            ("age", age)
            for age in ("P90D", "P1Y6M", "P12W", "P1DT12H", "P2.5W", "P10W/P12W", "P8W/")
        ),
    ],
)
def test_what_archives_take_is_taken(name: str, text: str):
    assert subject_fields({name: text}) == {name: text}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(("species", text) for text in ("mouse", "mus musculus", "Mus Musculus", "Mus", "")),
        ("species", "http://example.org/NCBITaxon_10090"),
        *(("sex", text) for text in ("female", "f", "X", "")),
        *(
            ("age", text)
            for text in ("90", "90 days", "P", "PT", "P90", "p90d", "P12W/P10W", "P1D/P2D/P3D")
        ),
    ],
)
def test_what_archives_reject_is_refused_in_a_sentence(name: str, text: str, tmp_path):
    with pytest.raises(RefusedInputError, match=f"^{name} of the subject .*: [^.]*"):
        data_adapters.to_nwb(made(1), tmp_path, subject={name: text})
    assert not list(tmp_path.iterdir())


def test_what_an_archive_needs_is_named():
    assert not_given({"sex": "F"}) == ["species", "age"]
    assert not_given({"species": "Mus musculus", "sex": "F", "date_of_birth": "2020-01-01"}) == []


def test_nothing_critical_is_left_in_a_file(tmp_path):
    """What the Inspector calls critical for DANDI, looked up in the file."""
    about = {"species": "Mus musculus", "sex": "F", "age": "P90D"}
    (path,) = data_adapters.to_nwb(made(1), tmp_path, subject=about)
    with pynwb.NWBHDF5IO(str(path), "r") as file:
        content = file.read()
        subject = content.subject
        assert {name: getattr(subject, name) for name in about} == about
        assert subject_fields(about) and subject.subject_id and "/" not in subject.subject_id
        assert content.session_id and "/" not in content.session_id


def test_the_inspector_finds_nothing_critical(tmp_path):
    inspector = pytest.importorskip("nwbinspector", reason="nwbinspector is not installed")
    about = {"species": "Mus musculus", "sex": "F", "age": "P90D"}
    (path,) = data_adapters.to_nwb(made(1), tmp_path, subject=about)
    config = inspector.load_config("dandi")
    messages = inspector.inspect_nwbfile(nwbfile_path=str(path), config=config)
    assert not [m for m in messages if m.importance.name in ("CRITICAL", "ERROR")]
