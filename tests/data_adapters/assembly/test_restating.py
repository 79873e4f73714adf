"""What the caller says of files holds for every reader: another track, units of length, epochs, a
registration, a stimulus in the place of the place."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tool_files import ACCEPTED, BEGIN, FRAMES, OPTIONS, RATE, known, write_phy, write_suite2p

import data_adapters
import drift
from data_adapters.laboratories.interchange.reader import write_interchange
from data_adapters.session import session_dataset
from drift.errors import RefusedInputError

TIME = np.arange(2000) / 20.0


def recorded(folder, rng, **changes):
    arguments = {
        "subject": "m1",
        "session": 0,
        "elapsed": 1.0,
        "elapsed_units": "day",
        "environment": "A",
        "unit_identity": "session 1",
        "activity": rng.poisson(0.2, (2000, 4)).astype(float),
        "position": 50 + 45 * np.sin(TIME),
        "sampling_rate": 20.0,
        "track_length": 100.0,
        "geometry": "linear",
        "source": "made",
    }
    session = session_dataset(**{**arguments, **changes})
    write_interchange(session, folder)
    return session


def read(folder, **options):
    return list(data_adapters.sessions("interchange", folder, **options))


def test_nothing_said_changes_nothing(rng, tmp_path):
    session = recorded(tmp_path, rng)
    assert read(tmp_path)[0].identical(session)


def test_another_track_takes_the_place_of_the_positions(rng, tmp_path):
    recorded(tmp_path, rng)
    own = np.arange(-5, 110, 1 / 33)
    pd.DataFrame({"time": own, "x": 30 + 25 * np.cos(own)}).to_csv(
        tmp_path / "track.csv", index=False
    )
    (session,) = read(tmp_path, track="track.csv", track_length=60.0, start=0.0)
    np.testing.assert_allclose(session["position"], 30 + 25 * np.cos(TIME), atol=0.02)
    assert session.attrs["track_length"] == 60.0
    (later,) = read(tmp_path, track="track.csv", start=5.0)
    np.testing.assert_allclose(later["position"], 30 + 25 * np.cos(TIME + 5), atol=0.02)


def test_epochs_are_sessions_of_their_rooms(rng, tmp_path):
    session = recorded(tmp_path, rng)
    pd.DataFrame(
        {"start": [0, 60, 80], "stop": [40, 80, 90], "environment": ["A", "B", "A"]}
    ).to_csv(tmp_path / "epochs.csv", index=False)
    first, second = read(tmp_path, epochs="epochs.csv")
    assert [first["environment"].item(), second["environment"].item()] == ["A", "B"]
    assert [first["session"].item(), second["session"].item()] == [0, 1]
    inside = (TIME < 40) | ((TIME >= 80) & (TIME < 90))
    np.testing.assert_array_equal(first["activity"], session["activity"][inside])
    assert [one["environment"].item() for one in read(tmp_path, epochs="epochs.csv", environment="B")] == ["B"]  # fmt: skip


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"start": [5], "stop": [3], "environment": ["A"]}, "end after they begin"),
        ({"start": [500], "stop": [600], "environment": ["A"]}, "clock of the track"),
        ({"start": [5], "stop": [30]}, "environment"),
    ],
)
def test_epochs_that_cannot_be_are_refused(columns, message, rng, tmp_path):
    recorded(tmp_path, rng)
    pd.DataFrame(columns).to_csv(tmp_path / "epochs.csv", index=False)
    with pytest.raises(RefusedInputError, match=message):
        read(tmp_path, epochs="epochs.csv")


def test_units_of_length_are_said(rng, tmp_path):
    session = recorded(tmp_path, rng, position_units="pixel", track_length=None)
    (scaled,) = read(tmp_path, scale=0.5)
    np.testing.assert_allclose(scaled["position"], session["position"] / 2)
    assert scaled["position"].attrs["units"] == "cm"


def test_a_stimulus_in_the_place_of_the_place(tmp_path):
    """The frames that a trial holds are its own, whether trials or samples are listed."""
    truth = known()
    folder = write_suite2p(tmp_path, truth)
    starts = BEGIN + np.arange(0, 20, 2.0)
    odours = ["mint", "rose"] * 5
    pd.DataFrame({"start": starts, "stop": starts + 1.5, "odour": odours}).to_csv(
        tmp_path / "trials.csv", index=False
    )
    session = next(
        data_adapters.sessions("suite2p", folder, track="trials.csv", stimulus="odour", start=BEGIN)
    )
    frame = np.arange(FRAMES) / RATE
    shown = np.where(frame % 2 < 1.5 - 1e-9, np.where(frame % 4 < 2 - 1e-9, "mint", "rose"), "")
    np.testing.assert_array_equal(session["stimulus"], shown)
    measured = drift.measure([session])
    assert set(measured["stimulus"].values) == {"mint", "rose"}
    mint = truth.events[ACCEPTED][:, shown == "mint"].mean(axis=1) * RATE
    rate = measured["rate"].sel(stimulus="mint").squeeze(drop=True)
    np.testing.assert_allclose(
        rate.values[measured["recorded"].values.ravel() > 0], mint, rtol=1e-9
    )


def test_spikes_of_trials(tmp_path):
    folder = write_phy(tmp_path, known())
    starts = BEGIN + np.arange(0, 20, 2.0)
    pd.DataFrame({"start": starts, "stop": starts + 1.0, "angle": np.arange(10) * 36.0}).to_csv(
        tmp_path / "trials.csv", index=False
    )
    options = {"track": "trials.csv", "stimulus": "angle", "start": BEGIN}
    with pytest.raises(RefusedInputError, match="say fs="):
        next(data_adapters.sessions("phy", folder, **options))
    session = next(
        data_adapters.sessions(
            "phy", folder, fs=20.0, stimulus_metric="circular", stimulus_period=360.0,
            stimulus_units="deg", **options,
        )
    )  # fmt: skip
    inside = np.isfinite(session["stimulus"].values)
    assert inside.sum() == pytest.approx(200, abs=2)
    events = known().events[ACCEPTED] > 0
    expected = [events[:, trial * 40 : trial * 40 + 20].sum() for trial in range(10)]
    counts = [
        float(session["activity"].values[session["stimulus"].values == angle].sum())
        for angle in np.arange(10) * 36.0
    ]
    np.testing.assert_allclose(counts, expected, atol=1)


def test_options_of_a_stimulus_that_is_not_there_are_refused(tmp_path):
    folder = write_suite2p(tmp_path, known())
    with pytest.raises(RefusedInputError, match="column 'odour'"):
        next(data_adapters.sessions("suite2p", folder, stimulus="odour", **OPTIONS))


def test_confidence_of_registered_cells_is_kept(rng, tmp_path):
    """It goes with the units through files and measures; cells of one session alone have none."""
    index = np.array([[1, 2], [2, 0], [0, 1]])
    np.savez(tmp_path / "m1_registration.npz", cell_to_index_map=index)
    certain = np.array([0.9, np.nan, 0.4, np.nan])
    recorded(tmp_path, rng, unit_confidence=certain, unit=[5, 6, 7, 8], session=0)
    (tmp_path / "m1_registration.npz").unlink()
    (session,) = read(tmp_path)
    np.testing.assert_array_equal(session["registration_confidence"], certain)
    pytest.importorskip("pynwb")
    (tmp_path / "nwb").mkdir()
    (written,) = data_adapters.to_nwb([session], tmp_path / "nwb")
    again = next(data_adapters.sessions("nwb", written))
    np.testing.assert_array_equal(again["registration_confidence"], certain)
    measured = drift.measure([session])
    np.testing.assert_array_equal(
        measured["registration_confidence"].isel(subject=0, session=0, unit=slice(5, 9)), certain
    )
    drift.save(measured, tmp_path / "m.nc")
    assert drift.load(tmp_path / "m.nc")["registration_confidence"].attrs["units"] == "1"
    with pytest.raises(RefusedInputError, match="probability"):
        recorded(tmp_path, rng, unit_confidence=[0.5, 2.0, 0.1, 0.1], session=3)
