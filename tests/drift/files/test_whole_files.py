"""Files are written whole or not at all: full disks, closed folders, links, devices, other writers,
killed ones."""

from __future__ import annotations

import hashlib
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import xarray as xr

import data_adapters
import drift
from data_adapters.files.download import PublicFile
from data_adapters.laboratories.interchange.reader import write_interchange
from data_adapters.session import session_dataset
from drift.files import atomic as whole_files
from drift.files.atomic import remove_leftovers, replaced_atomically
from drift.files.csv import write_tables

RUN = xr.Dataset(
    {
        "rate": (
            ("subject", "session", "unit"),
            np.random.default_rng(0).random((2, 30, 400)),
            {"units": "Hz"},
        )
    },
    coords={
        "unit_label": ("unit", np.array([f"cell {number}" for number in range(400)], dtype=object))
    },
)


def session() -> xr.Dataset:
    rng = np.random.default_rng(1)
    return session_dataset(
        subject="a", session=0, elapsed=0.0, elapsed_units="day", environment="track", activity=rng.poisson(0.5, (2000, 40)).astype(float),
        position=np.abs(np.linspace(-90, 90, 2000)), sampling_rate=10.0, source="made", unit_identity="registered",
    )  # fmt: skip


def checkpointed(folder: Path) -> object:
    from drift.training.checkpoint import Checkpoint

    return Checkpoint(folder / "run.npz", {"recipes": []}).write(
        0, lambda: {"state": np.arange(200_000.0)}
    )


def reported(folder: Path) -> object:
    with patch("drift.reporting.page.page", return_value="<p>" * 5000):
        return drift.report(RUN, folder / "report.html", overwrite=True)


def nwb_written(folder: Path) -> object:
    pytest.importorskip("pynwb")
    return data_adapters.to_nwb(session(), folder, overwrite=True)


def fetched(folder: Path) -> object:
    """The next file of a data set, as if a server gave it."""
    content = np.random.default_rng(2).bytes(10_000)
    name = "second.mat" if os.path.lexists(folder / "first.mat") else "first.mat"
    row = PublicFile(
        folder.name,
        f"https://example.org/{name}",
        10_000,
        hashlib.sha256(content).hexdigest(),
        "MIT",
    )
    with (
        patch("data_adapters.files.download._wanted", return_value=[row]),
        patch("drift.files.downloads._pieces", return_value=iter([content])),
    ):
        return data_adapters.fetch(folder.name, cache=folder.parent, progress=False)


def next_task(folder: Path) -> object:
    """One more task of a sweep."""
    recipe = drift.Experiment(
        task=drift.RandomTask(samples=4, inputs=3, outputs=2),
        network=drift.Network(units=8),
        steps=4,
        sessions=2,
    )
    there = 0
    with suppress(PermissionError):
        there = sum(path.suffix == ".nc" for path in folder.iterdir())
    return drift.run_sweep(
        [recipe.replace(seed=there)], folder, executor="serial", engine="batched", progress=False
    )


WRITERS: dict[str, Callable[[Path], object]] = {
    "save": lambda folder: drift.save(RUN, folder / "run.nc", overwrite=True),
    "tables": lambda folder: write_tables(RUN, folder, overwrite=True),
    "interchange npz": lambda folder: write_interchange(session(), folder, "npz", overwrite=True),
    "interchange mat": lambda folder: write_interchange(session(), folder, "mat", overwrite=True),
    "interchange nc": lambda folder: write_interchange(session(), folder, "nc", overwrite=True),
    "checkpoint": checkpointed,
    "report": reported,
    "nwb": nwb_written,
    "fetch": fetched,
}


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(drift.RefusedInputError) as caught:
        call()
    text = str(caught.value)
    assert "\n" not in text and text.endswith("."), text
    return text


@contextmanager
def small_disk() -> Iterator[None]:
    """No file may grow beyond four kilobytes, as on a disk that is nearly full; the log of the tests
    may be one, so that this must end with the call."""
    before, ignored = (
        resource.getrlimit(resource.RLIMIT_FSIZE),
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN),
    )
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


@pytest.mark.parametrize("kind", WRITERS)
def test_without_room_nothing_is_lost_and_a_sentence_says_so(kind: str, tmp_path: Path):
    WRITERS[kind](tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with small_disk():
        said = refusal(lambda: WRITERS[kind](tmp_path))
    assert "was not written (File too large): make room" in said
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.skipif(os.geteuid() != 0, reason="drops the rights of root, which this user has not")
@pytest.mark.parametrize("kind", WRITERS)
def test_a_closed_folder_is_refused_in_a_sentence(kind: str, tmp_path: Path):
    written, closed = tmp_path / "open", tmp_path / "closed"
    written.mkdir()
    closed.mkdir(0o555)
    WRITERS[kind](written)  # imports what it needs, which the other user may not be able to read
    os.seteuid(65534)
    try:
        assert "Permission denied" in refusal(lambda: WRITERS[kind](closed))
    finally:
        os.seteuid(0)
    assert not list(closed.iterdir())


def test_a_sweep_without_room_says_so_and_keeps_what_is_done(
    tmp_path: Path,
):
    next_task(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.glob("*.nc")}
    with small_disk():
        said = refusal(lambda: next_task(tmp_path))
    assert "was not written (File too large): make room" in said
    assert {path.name: path.read_bytes() for path in tmp_path.glob("*.nc")} == before
    assert not list(tmp_path.glob(".*"))
    assert drift.open_sweep(tmp_path)["status"].values.tolist() == ["complete", "failed"]


@pytest.mark.skipif(os.geteuid() != 0, reason="drops the rights of root, which this user has not")
def test_a_closed_sweep_is_refused_in_a_sentence(tmp_path: Path):
    next_task(tmp_path)
    tmp_path.chmod(0o500)
    os.seteuid(65534)
    try:
        for call in (next_task, drift.open_sweep):
            assert "Permission denied" in refusal(lambda call=call: call(tmp_path))
    finally:
        os.seteuid(0)
    assert drift.open_sweep(tmp_path)["status"].values.tolist() == ["complete"]


def odd(path: Path, kind: str) -> None:
    """Put something at a path that is no plain file."""
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(
            {
                "link": path.parent / "mine",
                "hanging link": path.parent / "absent",
                "device": Path("/dev/null"),
            }[kind]
        )


@pytest.mark.parametrize("kind", ["pipe", "folder", "link", "hanging link", "device"])
def test_only_plain_files_are_replaced(kind: str, tmp_path: Path):
    (tmp_path / "mine").write_text("precious")
    for name in ("run.nc", "run.npz", "report.html", "a_01.npz", "units.csv"):
        odd(tmp_path / name, kind)
    before = sorted(
        (path.name, path.lstat().st_mode, path.lstat().st_ino) for path in tmp_path.iterdir()
    )
    for call in (
        WRITERS["save"],
        WRITERS["tables"],
        WRITERS["interchange npz"],
        WRITERS["checkpoint"],
    ):
        assert (
            "plain file" in (text := refusal(lambda call=call: call(tmp_path)))
            or "is a folder" in text
        )
    assert (tmp_path / "mine").read_text() == "precious"
    assert (
        sorted(
            (path.name, path.lstat().st_mode, path.lstat().st_ino) for path in tmp_path.iterdir()
        )
        == before
    )


def test_a_planted_link_is_not_written_through(tmp_path: Path):
    (tmp_path / "mine").write_text("precious")
    (tmp_path / "a_01.npz.part").symlink_to(tmp_path / "mine")
    write_interchange(session(), tmp_path)
    assert (tmp_path / "mine").read_text() == "precious" and (
        tmp_path / "a_01.npz.part"
    ).is_symlink()


def test_writers_side_by_side_do_not_meet(tmp_path: Path):
    faults: list[BaseException] = []

    def write(number: int) -> None:
        try:
            with replaced_atomically(tmp_path / "shared") as temporary:
                temporary.write_text(f"{number}" * 50_000)
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    text = (tmp_path / "shared").read_text()
    assert not faults and len(text) == 50_000 and len(set(text)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["shared"]


def test_a_file_that_comes_to_be_meanwhile_is_kept(tmp_path: Path):
    with (
        pytest.raises(drift.RefusedInputError, match="exists and is kept"),
        replaced_atomically(tmp_path / "a", overwrite=False) as temporary,
    ):
        temporary.write_text("mine")
        (tmp_path / "a").write_text("theirs")
    assert (tmp_path / "a").read_text() == "theirs" and len(list(tmp_path.iterdir())) == 1


KILLED = """
import os, sys, time
from pathlib import Path
from drift.files.atomic import replaced_atomically
with replaced_atomically(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    print("ready", flush=True)
    time.sleep(60)
"""


def begun(path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("name", ["run.npz", "n" * 240, "l[ä]uft *.nc"])
def test_what_a_killed_writer_left_is_removed_and_what_a_living_one_writes_is_not(
    name: str, tmp_path: Path
):
    killed, living = begun(tmp_path / name), begun(tmp_path / name)
    killed.kill()
    killed.communicate()
    assert len(list(tmp_path.iterdir())) == 2
    with replaced_atomically(tmp_path / name) as temporary:
        temporary.write_text("whole")
    assert len(list(tmp_path.iterdir())) == 2 and (tmp_path / name).read_text() == "whole"
    living.kill()
    living.communicate()
    remove_leftovers(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_what_another_machine_left_goes_after_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    names = [".run.nc.0123abcd-7-0123456789ab.part", ".run.nc.tmpx1.part"]
    for name in (*names, "kept.part", ".other"):
        (tmp_path / name).touch()
    remove_leftovers(tmp_path)
    assert len(list(tmp_path.iterdir())) == 4
    for name in names:
        os.utime(tmp_path / name, (0, time.time() - whole_files.ABANDONED - 1))
    remove_leftovers(tmp_path, "another")
    assert len(list(tmp_path.iterdir())) == 4
    remove_leftovers(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".other", "kept.part"]
