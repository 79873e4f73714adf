"""Objects of pynapple, neo, SpikeInterface and movement as sessions: counts and positions that are
known by hand, the same session from every program, and one sentence for what is none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr
from exchanged_sessions import assert_equal, made, simulated
from objects_of_others import COUNTS, LABELS, RATE, SAMPLES, TIME, TRAINS, WAY, Sorting, session

import data_adapters
import drift
from data_adapters.tracks.track import Track

neo = pytest.importorskip("neo")
nap = pytest.importorskip("pynapple")
pq = pytest.importorskip("quantities")

JUDGED = ["good", "mua", "good", "noise"]


def neo_trains(units="s", t_start=0.0, t_stop=60.0, **annotations) -> list:
    return [
        neo.SpikeTrain(
            (train * pq.s).rescale(units),
            t_start=t_start * pq.s,
            t_stop=t_stop * pq.s,
            **{name: values[index] for name, values in annotations.items()},
        )
        for index, train in enumerate(TRAINS)
    ]


def neo_segment(trains, *signals):
    segment = neo.Segment()
    segment.spiketrains.extend(trains)
    for signal in signals:
        getattr(segment, f"{type(signal).__name__.lower()}s").append(signal)
    return segment


def sorting(**further) -> Sorting:
    return Sorting([dict(enumerate(SAMPLES))], RATE, **further)


def block(*segments):
    whole = neo.Block()
    whole.segments.extend(segments)
    return whole


EVENTS = {
    "arrays": lambda: TRAINS,
    "mapping": lambda: dict(enumerate(TRAINS)),
    "arrays with units": lambda: [(train * pq.s).rescale("ms") for train in TRAINS],
    "spike trains": lambda: neo_trains(),
    "spike trains in ms": lambda: neo_trains("ms"),
    "Segment": lambda: neo_segment(neo_trains()),
    "SpikeTrainList": lambda: neo_segment(neo_trains()).spiketrains,
    "Block": lambda: block(neo_segment(neo_trains())),
    "sorting": sorting,
    "TsGroup": lambda: nap.TsGroup(
        {unit: nap.Ts(t=train) for unit, train in enumerate(TRAINS)}, time_support=EPOCH
    ),
}
EPOCH = nap.IntervalSet(0, 60)


@pytest.mark.parametrize("kind", EVENTS)
def test_spikes_of_every_program_are_counted_alike(kind):
    found = session(EVENTS[kind]())
    assert np.array_equal(found["activity"], COUNTS)
    assert np.array_equal(found["position"], WAY) and np.array_equal(found["time"], TIME)
    assert found["unit_label"].values.tolist() == [f"unit {unit}" for unit in range(4)]
    assert found["activity"].attrs["kind"] == "counts"
    assert "notes" not in found.attrs and found["sampling_rate"] == 20.0


POSITIONS = {
    "tuple": lambda: (TIME, WAY),
    "tuple with units": lambda: (TIME * 1e3 * pq.ms, WAY / 100 * pq.m),
    "Tsd": lambda: nap.Tsd(t=TIME, d=WAY, time_support=EPOCH),
    "TsdFrame": lambda: nap.TsdFrame(t=TIME, d=WAY[:, np.newaxis], columns=["x"]),
    "AnalogSignal": lambda: neo.AnalogSignal(WAY * 10 * pq.mm, sampling_period=50 * pq.ms),
    "IrregularlySampledSignal": lambda: neo.IrregularlySampledSignal(TIME * pq.s, WAY * pq.cm),
    "Track": lambda: Track(TIME, WAY),
}


@pytest.mark.parametrize("kind", POSITIONS)
def test_positions_of_every_program_are_the_same_centimetres(kind):
    found = session(TRAINS, POSITIONS[kind]())
    np.testing.assert_allclose(found["position"], WAY, rtol=1e-12)
    np.testing.assert_allclose(found["time"], TIME, rtol=1e-12, atol=1e-12)
    assert found["position"].attrs["units"] == "cm"
    assert abs(found["activity"].values - COUNTS).sum() <= 2  # frames of a rounded clock


def test_a_spike_belongs_to_the_frame_that_it_lies_in_and_none_in_a_gap():
    time = np.array([0.0, 0.1, 0.2, 0.3, 5.0, 5.1])  # the frame before the gap lasts .15 s
    spikes = [np.array([0.0, 0.1, 0.19, 0.44, 0.46, 3.0, 5.05, 5.3])]
    found = session(spikes, (time, np.arange(6.0)))
    assert found["activity"].values[:, 0].tolist() == [1, 2, 0, 1, 1, 0]
    np.testing.assert_allclose(found["duration"], [0.1, 0.1, 0.1, 0.15, 0.1, 0.1])
    assert found.attrs["notes"].startswith("3 spikes left out")


def test_frames_keep_their_clock_and_positions_reach_across_neither_gap_nor_wrap():
    own, place = np.array([0.0, 0.1, 0.2, 0.3, 2.0, 2.1]), np.array([0, 10, 20, 90, 0, 10.0])
    time = np.array([0.05, 0.15, 0.22, 0.29, 1.0, 2.05])
    found = session(np.ones((6, 2)), (own, place), time=time, events_are="counts")
    np.testing.assert_allclose(found["position"], [5, 15, 20, 90, np.nan, 5])
    assert np.array_equal(found["time"], time)
    bridged = session(
        np.ones((6, 2)), (own, place), time=time, events_are="counts", max_gap=2.0, track_length=300
    )
    np.testing.assert_allclose(bridged["position"].values[[2, 4]], [34, 90 - 90 * 0.7 / 1.7])


def test_an_array_of_positions_lies_on_the_clock_of_the_events():
    found = session(COUNTS, WAY, time=TIME)
    assert np.array_equal(found["activity"], COUNTS) and np.array_equal(found["position"], WAY)


@pytest.mark.parametrize("name", ["quality", "group", "KSLabel"])
@pytest.mark.parametrize("program", ["neo", "SpikeInterface", "pynapple"])
def test_rejected_units_do_not_count_and_are_told(program, name):
    metadata = {name: JUDGED}
    events = {
        "neo": lambda: neo_trains(**metadata),
        "SpikeInterface": lambda: sorting(properties=metadata),
        "pynapple": lambda: nap.TsGroup(
            dict(enumerate(map(nap.Ts, TRAINS))), metadata={name: np.array(JUDGED)}
        ),
    }[program]()
    found = session(events)
    assert found["unit"].values.tolist() == [0, 2]
    assert np.array_equal(found["activity"], COUNTS[:, [0, 2]])
    assert f"2 of 4 units left out because they were rejected ({name}: " in found.attrs["notes"]
    assert session(events, keep_rejected=True).sizes["unit"] == 4
    renamed = session(events, unit=[5, 6, 7, 8], unit_label=list("abcd"), unit_identity="mine")
    assert renamed["unit"].values.tolist() == [5, 7]
    assert renamed["unit_label"].values.tolist() == ["a", "c"]
    assert session(events, unit=[5, 6, 7, 8])["unit_label"].values.tolist() == ["unit 5", "unit 7"]


def test_a_unit_that_nobody_judged_is_not_good():
    trains = neo_trains()
    trains[1].annotate(quality="good")
    assert session(trains)["unit"].values.tolist() == [1]


# neo and SpikeInterface


def test_samples_that_were_not_recorded_are_left_out():
    kept = (TIME >= 10) & (TIME + 0.05 <= 50.0 + 1e-9)
    cut = [train.time_slice(10 * pq.s, 50 * pq.s) for train in neo_trains("ms")]
    speed = np.arange(TIME.size, dtype=float)
    found = session(cut, velocity=speed)
    assert np.array_equal(found["activity"], COUNTS[kept])
    assert np.array_equal(found["position"], WAY[kept])
    assert np.array_equal(found["velocity"], speed[kept])
    assert f"{(~kept).sum()} samples of the position left out because" in found.attrs["notes"]
    recorded = session(
        Sorting(
            [{unit: samples[samples < 40 * RATE] for unit, samples in enumerate(SAMPLES)}],
            RATE,
            recorded=[(0.0, 40.0)],
        )
    )
    assert np.array_equal(recorded["activity"], COUNTS[TIME + 0.05 <= 40 + 1e-9])


def test_a_stop_at_the_last_spike_is_no_stop():
    last = max(train.max() for train in TRAINS)
    assert last < 60 and session(neo_trains(t_stop=last)).sizes["sample"] == TIME.size


def test_events_that_start_later_are_put_on_the_clock_of_the_position():
    found = session([train - 7.0 for train in TRAINS], start=7.0)
    assert abs(found["activity"].values - COUNTS).sum() <= 2
    found = session([train.time_shift(-7 * pq.s) for train in neo_trains()], (TIME, WAY), start=7.0)
    assert found.sizes["sample"] == TIME.size


@pytest.mark.parametrize("kind", ["neo", "SpikeInterface"])
def test_one_of_several_segments_is_a_session(kind):
    late = {unit: samples + 1000 for unit, samples in enumerate(SAMPLES)}
    events = (
        block(neo_segment(neo_trains()[:2]), neo_segment(neo_trains()))
        if kind == "neo"
        else Sorting([late, dict(enumerate(SAMPLES))], RATE)
    )
    assert np.array_equal(session(events, segment=1)["activity"], COUNTS)
    with pytest.raises(drift.RefusedInputError, match=r"got 2: say segment="):
        session(events)
    with pytest.raises(drift.RefusedInputError, match="segment was expected below 2, got 2"):
        session(events, segment=2)


def test_the_signal_with_a_length_is_the_position_of_a_segment():
    place = neo.IrregularlySampledSignal(TIME * pq.s, WAY / 100 * pq.m, name="head")
    voltage = neo.AnalogSignal(np.ones((9, 4)) * pq.mV, sampling_rate=1 * pq.Hz)
    found = session(neo_segment(neo_trains(), place, voltage), None)
    np.testing.assert_allclose(found["position"], WAY)
    assert found.attrs["notes"] == "position is the signal 'head' of neo"
    with pytest.raises(drift.RefusedInputError, match="got 2 of 2 signals: pass position="):
        session(neo_segment(neo_trains(), place, place.copy()), None)


def test_a_signal_of_volts_needs_a_scale():
    volts = neo.AnalogSignal(
        np.stack([WAY / 20, np.zeros(TIME.size)], axis=1) * pq.V, sampling_period=50 * pq.ms
    )
    np.testing.assert_allclose(session(TRAINS, volts, scale=20.0, columns="0")["position"], WAY)
    both = session(TRAINS, volts, scale=20.0)
    np.testing.assert_allclose(both["position"][:, 0], WAY)
    with pytest.raises(drift.RefusedInputError, match=r"length, got V: say scale="):
        session(TRAINS, volts)


def test_lost_samples_are_lost_before_they_are_interpolated():
    place = WAY * 10
    place[100:110] = -1.0
    signal = neo.AnalogSignal(place * pq.mm, sampling_period=50 * pq.ms)
    for position, scale in ((signal, None), ((TIME, place), 0.1), (nap.Tsd(TIME, place), 0.1)):
        found = session(TRAINS, position, lost=-1.0, scale=scale)
        assert np.isnan(found["position"].values).sum() == 10
        np.testing.assert_allclose(found["position"][:100], WAY[:100])


def test_names_of_trains_and_ids_of_a_sorting_are_labels():
    trains = neo_trains()
    for train, name in zip(trains, "abcd"):
        train.name = name
    assert session(trains)["unit_label"].values.tolist() == list("abcd")
    named = session(Sorting([dict(zip(("a", "b"), SAMPLES))], RATE))
    assert named["unit_label"].values.tolist() == ["unit a", "unit b"]
    numbered = session(Sorting([dict(zip((7, 3), SAMPLES))], RATE))
    assert numbered["unit"].values.tolist() == [7, 3]


def phy_folder(folder: Path, tables: dict[str, str]) -> Path:
    """A folder of phy, and a track beside it: neo takes every table in it for one of phy."""
    folder.mkdir(parents=True)
    samples = np.concatenate(SAMPLES)
    order = np.argsort(samples, kind="stable")
    cluster = np.repeat([2, 5, 7, 9], [len(train) for train in SAMPLES])[order]
    np.save(folder / "spike_times.npy", samples[order].astype(np.uint64))
    for name in ("spike_clusters", "spike_templates"):
        np.save(folder / f"{name}.npy", cluster.astype(np.int32))
    (folder / "params.py").write_text(f"dat_path = 'r.dat'\nsample_rate = {RATE}\n")
    for name, text in tables.items():
        (folder / name).write_text(text.replace(" ", "\t"))
    rows = [f"{time!r},{place!r}" for time, place in zip(TIME.tolist(), WAY.tolist())]
    (folder.parent / "track.csv").write_text("\n".join(["time,x", *rows]))
    return folder


HAND = "cluster_id group\n2 good\n5 mua\n7 good\n9 good\n"
SORTER = "cluster_id KSLabel\n2 good\n5 good\n7 mua\n9 good\n"


@pytest.mark.parametrize(
    ("tables", "clusters"),
    [
        ({}, [2, 5, 7, 9]),
        ({"cluster_group.tsv": HAND}, [2, 7, 9]),
        ({"cluster_group.tsv": SORTER}, [2, 5, 9]),
        ({"cluster_KSLabel.tsv": SORTER}, [2, 5, 9]),
        ({"cluster_group.tsv": HAND, "cluster_KSLabel.tsv": SORTER}, [2, 7, 9]),
        ({"cluster_group.tsv": "cluster_id group\n2 good\n9 noise\n"}, [2]),
    ],
)
def test_phy_by_neo_is_phy_by_its_reader(tables, clusters, tmp_path):
    folder = phy_folder(tmp_path / "m1" / "day1" / "phy", tables)
    read = next(data_adapters.sessions("phy", tmp_path / "m1", track="track.csv", start=0.0))
    segment = neo.io.PhyIO(dirname=str(folder)).read_segment()
    found = session(segment, folder.parent / "track.csv")
    assert found["unit_label"].values.tolist() == [f"unit {cluster}" for cluster in clusters]
    assert read["unit_label"].values.tolist() == [f"cluster {cluster}" for cluster in clusters]
    for name in ("activity", "position", "duration"):
        assert np.array_equal(found[name], read[name]), name
    lazy = neo.io.PhyIO(dirname=str(folder)).read_segment(lazy=True)
    xr.testing.assert_identical(session(lazy, str(folder.parent / "track.csv")), found)


# pynapple


def pynapple_objects() -> dict:
    """Spikes and positions in two epochs, the second one after a pause."""
    epochs = nap.IntervalSet([0, 40], [25, 55.02])
    group = nap.TsGroup(
        {3 * unit: nap.Ts(t=train) for unit, train in enumerate(TRAINS)},
        metadata={"quality": np.array(JUDGED)},
    )
    return {"spikes": group, "position": nap.Tsd(t=TIME, d=WAY).restrict(epochs)}


def test_spikes_of_pynapple_are_those_of_from_pynapple():
    objects = pynapple_objects()
    expected = data_adapters.from_pynapple(objects, **LABELS)
    found = session(objects["spikes"], objects["position"])
    xr.testing.assert_identical(found, expected)
    assert found["unit"].values.tolist() == [0, 6] and found["activity"].sum() > 100


@pytest.mark.parametrize("width", [1, 2])
def test_frames_of_pynapple_are_those_of_from_pynapple(width):
    place = np.stack([WAY, WAY / 2], axis=1)[:, :width]
    position = nap.TsdFrame(t=TIME, d=place, columns=["x", "y"][:width])
    position = position.restrict(nap.IntervalSet([0, 40], [25, 55.02]))
    frames = np.random.default_rng(0).poisson(0.2, (500, 3)).astype(float)
    events = nap.TsdFrame(t=0.02 + np.arange(500) * 0.1, d=frames, columns=[4, 1, 7])
    expected = data_adapters.from_pynapple({"activity": events, "position": position}, **LABELS)
    xr.testing.assert_identical(session(events, position), expected)
    assert np.isnan(expected["position"].values).any()


def test_sessions_that_went_to_pynapple_come_back():
    run = drift.wandering_fields(sessions=3, units=30, movement=0.05)
    given = simulated(run, 2)[0]
    objects = data_adapters.to_pynapple(given, spikes=True)
    labels = {name: given[name].item() for name in ("subject", "session", "environment")}
    labels |= {"elapsed": given["elapsed"].item(), "elapsed_units": given["elapsed"].units}
    found = session(objects["spikes"], objects["position"], **labels)
    assert np.array_equal(found["activity"], given["activity"])
    assert np.array_equal(found["position"], given["position"])


def test_lazy_series_are_read_by_both_ways(tmp_path):
    given = made(0)
    objects = data_adapters.to_pynapple(given)
    with h5py.File(tmp_path / "series.h5", "w") as file:
        for name in ("activity", "position"):
            file[name] = objects[name].values
        lazy = dict(objects)
        timing = {
            "t": objects["position"].times(),
            "time_support": objects["position"].time_support,
        }
        lazy["position"] = nap.Tsd(d=file["position"], load_array=False, **timing)
        lazy["activity"] = nap.TsdFrame(
            d=file["activity"], columns=given["unit"].values, load_array=False, **timing
        )
        assert isinstance(lazy["activity"].values, h5py.Dataset)
        lazy["activity"]["unit_label"] = given["unit_label"].values
        assert_equal(data_adapters.from_pynapple(lazy), given)
        found = session(lazy["activity"], lazy["position"])
        assert np.array_equal(found["activity"], given["activity"])
        np.testing.assert_array_equal(found["position"], given["position"])


def test_columns_of_a_frame_are_named():
    frame = nap.TsdFrame(
        t=TIME, d=np.stack([WAY, WAY + 1, WAY + 2], axis=1), columns=["x", "y", "angle"]
    )
    assert np.array_equal(session(TRAINS, frame, columns="y")["position"], WAY + 1)
    plane = session(TRAINS, frame, columns="y, x")["position"].values
    assert np.array_equal(plane, np.stack([WAY + 1, WAY], axis=1))
    with pytest.raises(drift.RefusedInputError, match=r"got x, y, angle: say columns="):
        session(TRAINS, frame)
    with pytest.raises(drift.RefusedInputError, match="column 'z', got x, y, angle"):
        session(TRAINS, frame, columns="z")


# tracks and files


def test_a_room_of_a_track_is_taken_by_its_name():
    rooms = np.where(TIME < 20, "A", "B").astype(object)
    track = Track(TIME, WAY, trial=np.arange(TIME.size) // 100, environment=rooms)
    found = session(TRAINS, track, environment="B")
    assert np.array_equal(found["activity"], COUNTS[TIME >= 20])
    assert np.array_equal(found["trial"], (np.arange(TIME.size) // 100)[TIME >= 20])
    frames = session(COUNTS[::2], track, time=TIME[::2], environment="A")
    assert np.array_equal(frames["activity"], COUNTS[::2][TIME[::2] < 20])
    with pytest.raises(drift.RefusedInputError, match="environment 'C', got A, B: take one"):
        session(TRAINS, track, environment="C")


def test_columns_and_body_parts_of_files_are_chosen(tmp_path):
    rows = [f"{t!r},{x!r},{x + 1!r}" for t, x in zip(TIME.tolist(), WAY.tolist())]
    (tmp_path / "t.csv").write_text("\n".join(["time,head,tail", *rows]))
    found = session(TRAINS, tmp_path / "t.csv", columns="tail")
    np.testing.assert_allclose(found["position"], WAY + 1)
    plane = np.stack([WAY * 4, 300 - WAY], axis=1)  # pixel
    head = ["scorer" + ",net" * 3, "bodyparts" + ",nose" * 3, "coords,x,y,likelihood"]
    lines = [f"{row},{x!r},{y!r},0.99" for row, (x, y) in enumerate(plane.tolist())]
    (tmp_path / "d.csv").write_text("\n".join([*head, *lines]))
    pixels = session(TRAINS, str(tmp_path / "d.csv"), track_rate=20.0)
    np.testing.assert_allclose(pixels["position"], plane)
    assert pixels["position"].attrs["units"] == "pixel"


# refusals


@pytest.mark.parametrize(
    ("events", "position", "further", "match"),
    [
        ("spikes.npy", (TIME, WAY), {}, "got a str: pass one of these"),
        (7, (TIME, WAY), {}, "got an int: pass one of these"),
        (nap.Tsd(TIME, WAY), (TIME, WAY), {}, "got a Tsd: give all units"),
        ([], (TIME, WAY), {}, "got none: give at least one"),
        (neo.Segment(), (TIME, WAY), {}, "spike trains of neo, got none"),
        ([TRAINS[0][:, np.newaxis]], (TIME, WAY), {}, r"unit 0 was expected .* shape \(200, 1\)"),
        ([np.array([1.0, np.nan])], (TIME, WAY), {}, "got NaN"),
        ([np.array([1.0, 2.0]) * pq.mV], (TIME, WAY), {}, "to be times, got mV: give it in s"),
        (TRAINS, (TIME, WAY), {"time": TIME}, "got a list: leave time= out"),
        (COUNTS, (TIME, WAY), {}, r"got an array of shape \(1200, 4\) alone: say time="),
        (COUNTS.T, (TIME, WAY), {"time": TIME}, r"shape \(4, 1200\): cut both alike, frames first"),
        ([train * 1000 for train in TRAINS], (TIME, WAY), {}, "divide milliseconds by 1000"),
        ([train + 100 for train in TRAINS], (TIME, WAY), {}, "100.* to 15.*: say start="),
        (neo_trains(), (TIME + 200, WAY), {}, "say start="),
        (COUNTS, (TIME + 100, WAY), {"time": TIME}, "say start="),
        (TRAINS, None, {}, "got none: pass one of these as position="),
        (TRAINS, WAY, {}, "got a ndarray: pass one of these as position="),
        (TRAINS, (TIME, WAY[1:]), {}, r"for each of its times \(1200\), got shape \(1199,\)"),
        (TRAINS, (TIME[::-1], WAY), {}, "was expected to increase"),
        (TRAINS, (TIME * 1000, WAY), {}, "milliseconds"),
        (TRAINS, "absent.csv", {}, "got nothing there"),
        (neo_trains(quality=["mua"] * 4), (TIME, WAY), {}, "keep_rejected=true"),
        (TRAINS, (TIME, WAY), {"trak_length": 1.0}, "'trak_length' is unknown.*track_length"),
        (TRAINS, (TIME, WAY), {"activity": COUNTS}, "'activity' is unknown to from_objects"),
        (TRAINS, (TIME, WAY * 10), {"track_length": 100.0}, "mm"),
        (TRAINS, (TIME, WAY), {"velocity": WAY[:5]}, "velocity"),
    ],
)  # fmt: skip
def test_what_is_no_session_is_refused_in_one_sentence(events, position, further, match):
    with pytest.raises(drift.RefusedInputError, match=match) as refusal:
        session(events, position, **further)
    assert str(refusal.value).endswith(".") and "\n" not in str(refusal.value)
    assert "report it" not in str(refusal.value)


def test_no_package_of_the_objects_is_imported():
    script = (
        "import sys, numpy as np, data_adapters\n"
        "time = np.arange(0, 9, .1)\n"
        "data_adapters.from_objects([time[:5]], (time, time), subject='m', session=0, elapsed=0.0, "
        "elapsed_units='day', environment='A')\n"
        "print(set(sys.modules) & {'neo', 'pynapple', 'quantities', 'spikeinterface', 'movement'})"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert answer.stdout.strip() == "set()", answer.stderr
