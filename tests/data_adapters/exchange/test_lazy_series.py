"""What pynapple left in an NWB file: read with its conversion and offset, as the reader does."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime

import numpy as np
import pytest

import data_adapters
from data_adapters.exchange.lazy_series import in_length, loaded

nap, pynwb = pytest.importorskip("pynapple"), pytest.importorskip("pynwb")
LABELS = {"subject": "m", "session": 0, "elapsed": 0.0, "elapsed_units": "day", "environment": "A"}
FRAMES = 400
TRACK = np.round(4 * (50 + 40 * np.sin(np.arange(FRAMES) / 50))) / 4


@pytest.fixture
def file(tmp_path):
    content = pynwb.NWBFile("made", "1", datetime(2020, 1, 1, tzinfo=UTC))
    content.create_processing_module("behavior", "made").add(
        pynwb.behavior.Position(
            spatial_series=pynwb.behavior.SpatialSeries(
                name="position",
                data=TRACK / 2 - 1,
                unit="meters",
                conversion=0.02,
                offset=0.02,
                reference_frame="start",
                rate=20.0,
            )
        )
    )
    content.add_acquisition(
        pynwb.TimeSeries(name="speed", data=TRACK, unit="mm/s", conversion=2.0, rate=20.0)
    )
    for train in (np.arange(1, 19, 0.7), np.arange(1, 19, 0.9)):
        content.add_unit(spike_times=train)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pynwb.NWBHDF5IO(str(tmp_path / "a.nwb"), "w") as io:
            io.write(content)
    return tmp_path / "a.nwb"


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_lazy_objects_are_the_session_of_the_reader(file):
    lazy = nap.load_file(str(file))
    objects = {"spikes": lazy["units"], "position": lazy["position"], "velocity": lazy["speed"]}
    session = data_adapters.from_pynapple(objects, **LABELS)
    expected = next(data_adapters.sessions("nwb", file))
    np.testing.assert_allclose(session["position"], TRACK, atol=1e-9)
    np.testing.assert_array_equal(session["position"], expected["position"])
    np.testing.assert_array_equal(session["activity"], expected["activity"])
    assert session["position"].attrs["units"] == "cm"
    np.testing.assert_allclose(session["velocity"], TRACK / 5)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_what_is_said_takes_the_place_of_the_unit(file):
    lazy = nap.load_file(str(file))
    objects = {"spikes": lazy["units"], "position": lazy["position"]}
    scaled = data_adapters.from_pynapple(objects, **LABELS, scale=2.0)
    np.testing.assert_allclose(scaled["position"], TRACK - 2)
    pixels = data_adapters.from_pynapple(objects, **LABELS, position_units="pixel")
    np.testing.assert_allclose(pixels["position"], TRACK / 100)


def test_numbers_in_memory_stay_as_they_are():
    series = nap.Tsd(t=np.arange(3.0), d=np.array([1, 2, 3]))
    assert loaded(series).tolist() == [1, 2, 3]
    values, units = in_length(series, {})
    assert values.tolist() == [1, 2, 3] and units is None
