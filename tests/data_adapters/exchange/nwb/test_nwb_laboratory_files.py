"""NWB files as laboratories have them: each is read by one call, or refused with the cure."""

from __future__ import annotations

import numpy as np
import pytest

import data_adapters
import drift
from drift.errors import RefusedInputError

pytest.importorskip("pynwb")


@pytest.fixture
def read(data_folder):
    folder = data_folder("lab_files")
    return lambda name, **options: list(data_adapters.sessions("nwb", folder / name, **options))


def test_spikes_of_a_rest_without_camera_count_nowhere(read):
    (session,) = read("pause_with_rest.nwb")
    assert session.attrs["notes"] == (
        "12041 spikes left out because they lie outside of the tracked frames"
    )
    assert session["activity"].values.max() < 10 and session.sizes == {"sample": 18000, "unit": 20}
    recorded = drift.measure(session)
    assert recorded["spatial_information"].mean().item() == pytest.approx(0.064, abs=0.01)


def test_raw_fluorescence_is_refused_with_the_cure(read):
    with pytest.raises(
        RefusedInputError, match="deconvolve the traces and give the events, or say"
    ):
        read("only_raw_fluorescence.nwb")
    assert read("only_raw_fluorescence.nwb", events_are="trace")[0].sizes["unit"] == 10


def test_rejected_regions_are_left_out(read):
    (session,) = read("iscell_half_rejected.nwb")
    assert session.sizes["unit"] == 5
    assert "events are those of Deconvolved" in session.attrs["notes"]
    assert "5 of 10 units left out because they were rejected" in session.attrs["notes"]


def test_two_rooms_are_two_sessions(read):
    with pytest.raises(RefusedInputError, match="take one by epochs=familiar, or say environment="):
        read("two_environments_epochs_trials.nwb")
    familiar, novel = read("two_environments_epochs_trials.nwb", epochs="familiar,novel")
    for number, (one, begin, trials) in enumerate(((familiar, 0, [1, 2]), (novel, 60, [4, 5]))):
        assert one["session"].item() == number
        assert np.unique(one["trial"]).tolist() == trials
        assert begin <= one["time"].values.min() and one["time"].values.max() < begin + 40
    assert (familiar["environment"].item(), novel["environment"].item()) == ("familiar", "novel")


def test_centimetres_by_their_longer_name(read):
    (session,) = read("unit_centimeter.nwb")
    assert session["position"].attrs["units"] == "cm"
    assert np.ptp(session["position"].values) == pytest.approx(200, abs=1)
