"""NWB files beside the extractor of roiextractors, where that is installed."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("pynwb")
pytest.importorskip("roiextractors", reason="roiextractors is not installed")
import roiextractors
from nwb_layout import ROIS, write

import data_adapters


@pytest.mark.filterwarnings("ignore")
def test_responses_and_accepted_regions_agree(tmp_path):
    path = write(tmp_path / "a.nwb", columns={"Accepted": [1, 1, 0, 1, 1]})
    theirs = roiextractors.NwbSegmentationExtractor(str(path))
    ours = next(data_adapters.sessions("nwb", path))
    accepted = theirs.get_property("accepted", list(range(ROIS)))
    traces = np.asarray(theirs.get_traces(name="deconvolved"))
    np.testing.assert_array_equal(ours["activity"], traces[:, accepted])
    assert ours["sampling_rate"].item() == pytest.approx(theirs.get_sampling_frequency())
