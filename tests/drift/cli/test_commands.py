"""The command line does what it says, on files that a person would have, and refuses in one
sentence what it cannot do."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from inspect import signature
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import drift
from drift.cli import COMMANDS, fit, main
from drift.files.csv import tables

QUICK = ["--steps", "60", "--sessions", "4", "--network.units", "20", "--task.samples", "60"]


def words(text: str, *paths: Path) -> list[str]:
    return [*text.split(), *map(str, paths)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run, a measured recording in the interchange format, and a recipe."""
    folder = tmp_path_factory.mktemp("afternoon")
    recordings = folder / "recordings"
    recordings.mkdir()
    write_recording(recordings)
    assert main(["run", "--out", str(folder / "run.nc"), "--seeds", "2", *QUICK]) == 0
    measured = words("--shuffles 20 --out", folder / "recorded.nc")
    assert main(["measure", "interchange", str(recordings), *measured]) == 0
    recipe = drift.Experiment(
        task=drift.CorridorTask(samples=60), network=drift.Network(units=10), steps=20, sessions=3
    )
    (folder / "recipe.toml").write_text(
        recipe.replace(noise=[drift.UpdateNoise(std=0.01)]).to_toml()
    )
    return folder


def write_recording(folder: Path) -> None:
    rng = np.random.default_rng(0)
    for session in (1, 2, 3):
        position = 50 + 50 * np.sin(np.arange(6_000) / 100)
        events = rng.poisson(
            0.3 * np.exp(-((position[:, None] - np.linspace(0, 100, 12)) ** 2) / 200)
        )
        about = {
            "fs": 20.0,
            "n_detected": 12,
            "track_length_cm": 100.0,
            "geometry": "linear",
            "animal": "mouse",
            "region": "CA1",
        }
        when = {"environment": "A", "session": session, "time": float(session), "time_unit": "day"}
        np.savez(
            folder / f"mouse_{session:02d}.npz", events=events, position=position, **about, **when
        )
    np.savez(
        folder / "mouse_registration.npz",
        cell_to_index_map=np.tile(np.arange(1, 13)[:, None], (1, 3)),
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_help_teaches(name: str, capsys: pytest.CaptureFixture[str]):
    try:
        assert main([name, "--help"]) == 0
    except SystemExit as end:
        assert not end.code
    told = capsys.readouterr().out
    assert f"repdrift {name} " in told and "examples:" in told


def test_the_first_page_lists_every_command(capsys: pytest.CaptureFixture[str]):
    assert main([]) == 0 and main(["--version"]) == 0
    told = capsys.readouterr().out
    assert all(f"\n  {name} " in told for name in COMMANDS) and "repdrift 0." in told


MISSPELT = {
    "--shuffles": "measure interchange x --out x.nc --shufles 20",
    "--report": "compare run.nc --reprot x.html",
    "--bounds": "fit linear x.nc --out x.nc --bounds gain=1:2 --bunds gain=1:2",
    "--vary": "sweep --folder x --varry seed=1",
    "--variables": "export csv x.nc --out x --variable loss",
    "--cache": "data list --cahce x",
    "--quick": "doctor --quik",
    "--noise.0.std": "run --noise.0.sdt 5",
}


@pytest.mark.parametrize("flag", MISSPELT)
def test_a_misspelt_flag_is_answered_with_the_nearest(
    flag: str, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit) as end:
        main(MISSPELT[flag].split())
    assert end.value.code == 2
    told = capsys.readouterr().err
    assert "Perhaps you meant" in told and f"{flag} " in told.partition("Perhaps you meant")[2]


def test_the_nearest_command_is_named(capsys: pytest.CaptureFixture[str]):
    assert main(["mesure"]) == 2
    assert "did you mean 'measure'?" in capsys.readouterr().err


def test_a_run_holds_the_recipe_that_was_asked_for(folder: Path):
    run = drift.load(folder / "run.nc")
    recipes = [drift.Experiment.from_json(str(text)) for text in run["experiment"].values]
    assert [recipe.seed for recipe in recipes] == [0, 1] and {
        recipe.network.units for recipe in recipes
    } == {20}
    xr.testing.assert_identical(run["rate"], drift.train(recipes, progress=False)["rate"])


def test_a_recipe_file_is_run_and_its_entries_can_be_changed(folder: Path, tmp_path: Path):
    out = tmp_path / "deeper" / "run.nc"
    assert (
        main(
            [
                "run",
                str(folder / "recipe.toml"),
                "--out",
                str(out),
                "--learner.learning-rate",
                "0.05",
                "--noise.0.std",
                "0.02",
            ]
        )
        == 0
    )
    recipe = drift.Experiment.from_json(str(drift.load(out)["experiment"].values[0]))
    assert recipe == drift.Experiment.from_toml((folder / "recipe.toml").read_text()).replace(
        learner=drift.SGD(learning_rate=0.05), noise=[drift.UpdateNoise(std=0.02)]
    )


def test_a_dry_run_prints_a_recipe_of_other_kinds(capsys: pytest.CaptureFixture[str]):
    asked = words(
        "--task.kind random --learner.kind adam --with-noise label=0.1 input=0.2 "
        "--task.inputs 7 --dry-run"
    )
    assert main(["run", *asked]) == 0
    recipe = drift.Experiment.from_toml(capsys.readouterr().out)
    assert recipe.task == drift.RandomTask(inputs=7) and recipe.learner == drift.Adam()
    assert {(noise.kind, noise.std) for noise in recipe.noise} == {("label", 0.1), ("input", 0.2)}


REFUSED = {
    "--out is missing": "run",
    "end the path with .nc": "run --out run.csv",
    "exists and is kept": "run --out {folder}/run.nc",
    "is named twice": "compare {folder}/run.nc --overwrite --out {folder}/run.nc",
    "as a result and as an input": "fit linear {folder}/recorded.nc --bounds gain=1:10 --overwrite --out "
    "{folder}/recorded.nc",
    "is a folder": "run --out {folder}/dir.nc",
    "cannot be made": "run --out {folder}/run.nc/x.nc",
    "--seeds must be at least 1": "run --seeds 0 --dry-run",
    "kind 'randm' is unknown (did you mean 'random'?)": "run --task.kind randm --dry-run",
    "is no number": "run --with-noise label=much --dry-run",
    "needs KEY=VALUE": "run --with-noise label --dry-run",
    "cannot be read": "run nothing.toml --dry-run",
    "is not TOML": "run {folder}/broken.toml --dry-run",
    "give one of them": "sweep --folder {folder}/sweep",
    "has an empty value": "sweep {folder}/recipe.toml --folder {folder}/sweep --vary seed=1,",
    "did you mean 'seed'?": "sweep {folder}/recipe.toml --folder {folder}/sweep --vary sed=1",
    "names no noise": "sweep {folder}/recipe.toml --folder {folder}/sweep --vary noise.3.std=1",
    "needs --jobs": "sweep {folder}/recipe.toml --folder {folder}/sweep --executor slurm",
    "reader 'interchang' is unknown": "measure interchang {folder}/recordings --out {folder}/x.nc",
    "there is no file": "compare {folder}/nothing.nc",
    "cannot be read as netCDF": "compare {folder}/recipe.toml",
    "a published recording was expected": "compare {folder}/run.nc --like Sheintuch",
    "holds no measured recording": "compare {folder}/run.nc {folder}/compared.nc",
    "kind 'liner' is unknown (did you mean 'linear'?)": "fit liner {folder}/recorded.nc --bounds gain=1:10 --out {folder}/fit.nc",
    "is no range": "fit linear {folder}/recorded.nc --bounds gain=10 --out {folder}/fit.nc",
    "there is no scoreboard 'drft'": "reproduce drft",
    "public data set 'nelpy' is unknown": "data check nelpy",
    "needs the name of a data set": "data fetch",
    "no p value can fall below": "measure interchange {folder}/recordings --shuffles 5 --out {folder}/x.nc",
    "not both": "export nwb {folder}/run.nc --out {folder}/nwb",
    "there is no variable 'rates'": "export csv {folder}/run.nc --out {folder}/tables --variables rates",
}


@pytest.mark.parametrize("sentence", REFUSED)
def test_what_cannot_be_done_is_refused_in_one_sentence(
    sentence: str, folder: Path, capsys: pytest.CaptureFixture[str]
):
    (folder / "broken.toml").write_text("steps = = 3")
    (folder / "dir.nc").mkdir(exist_ok=True)
    if not (folder / "compared.nc").exists():
        drift.save(xr.Dataset({"slope": 1.0}), folder / "compared.nc")
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir() if path.is_file()}
    assert main(REFUSED[sentence].format(folder=folder).split()) == 2
    told = capsys.readouterr()
    assert (
        sentence in told.err
        and told.err.count("\n") == 1
        and "Traceback" not in told.err
        and not told.out
    )
    assert before == {path: path.stat().st_mtime_ns for path in folder.iterdir() if path.is_file()}


def test_a_recording_is_measured_compared_and_fitted(
    folder: Path, capsys: pytest.CaptureFixture[str]
):
    run, recorded = folder / "run.nc", folder / "recorded.nc"
    assert drift.load(recorded)["fraction_place_units"].min() == 1
    assert (
        main(
            [
                "compare",
                str(run),
                str(recorded),
                *words("--shuffles 20 --null-draws 0 --out", folder / "comparison.nc"),
            ]
        )
        == 0
    )
    told = capsys.readouterr().out
    assert "spatial information" in told and "frozen code" in told and "Khatib 2023" in told
    assert "share_explained" in drift.load(folder / "comparison.nc")
    asked = words(
        "--bounds gain=1:1000 input_width=4:40 --quick --engine fixed_point --units 40 --out"
    )
    assert (
        main(
            [
                "fit",
                "linear",
                str(recorded),
                *asked,
                str(folder / "fit.nc"),
                "--figure",
                str(folder / "fit.png"),
            ]
        )
        == 0
    )
    told = (
        capsys.readouterr().out
    )  # a quick look has no estimate: it did not converge, or ended at a bound
    assert "not converged: gain = " in told or "gain is not identified: it ends at" in told
    assert "95 %" not in told and (folder / "fit.png").stat().st_size > 10_000


def test_a_fit_takes_closed_forms_unless_told_otherwise():
    """The same numbers in a sixth of the time that Brian2 takes."""
    assert signature(fit.command).parameters["engine"].default == "fixed_point"


def test_a_fit_of_two_streams_and_another_law_is_told_in_words(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    asked = words(
        "--bounds context_share=0:0.9 context_lifetime=1:100 --quick --units 30 --law jump"
    )
    held = words("--held weight_lifetime=9 --out", tmp_path / "streams.nc")
    assert main(["fit", "linear", str(folder / "recorded.nc"), *asked, *held]) == 0
    told = capsys.readouterr().out
    assert "Weights follow the law jump." in told and "weight_lifetime = 9.0" in told
    assert "rate_similarity" in drift.load(tmp_path / "streams.nc")["group"].values


@pytest.mark.parametrize(
    ("held", "message"),
    [
        ("seed=3", "--held seed is not a number that a fit can be given"),
        ("context_share=most", "--held context_share=most is no number"),
    ],
)
def test_numbers_that_a_fit_cannot_be_given_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], held: str, message: str
):
    asked = words("--bounds gain=1:9 --held", held, "--out", folder / "none.nc")
    assert main(["fit", "linear", str(folder / "recorded.nc"), *asked]) != 0
    assert message in capsys.readouterr().err


def test_halves_are_measured_and_compared(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    halved = tmp_path / "halved.nc"
    own = words("--halves trials --out", halved)
    assert main(["measure", "interchange", str(folder / "recordings"), *own]) == 0
    assert drift.load(halved)["rate_half"].sizes["half"] == 2
    compared = words("--shuffles 0 --null-draws 0 --halves trials --report", tmp_path / "page.html")
    assert main(["compare", str(folder / "run.nc"), str(halved), *compared]) == 0
    assert "rate-map similarity without noise" in capsys.readouterr().out
    assert "the noise of both taken out" in (tmp_path / "page.html").read_text()


def test_a_sweep_runs_what_is_missing(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    asked = [
        "sweep",
        str(folder / "recipe.toml"),
        *words("--executor serial --vary seed=0,1 noise.0.std=0.01,0.1 --folder", tmp_path / "s"),
    ]
    assert main([*asked, "--dry-run"]) == 0 and not (tmp_path / "s").exists()
    assert "4 tasks (0 done, 0 failed, 4 missing)" in capsys.readouterr().out
    assert main([*asked, "--out", str(tmp_path / "sweep.nc")]) == 0
    assert main(["info", str(tmp_path / "s")]) == 0
    assert "4 done, 0 failed, 0 missing" in capsys.readouterr().out
    whole = drift.load(tmp_path / "sweep.nc")
    assert sorted(zip(whole["seed"].values, whole["update_noise"].values)) == [
        (0, 0.01),
        (0, 0.1),
        (1, 0.01),
        (1, 0.1),
    ]


def test_tables_hold_every_number(folder: Path, tmp_path: Path):
    assert main(["export", "csv", str(folder / "run.nc"), "--out", str(tmp_path)]) == 0
    assert (
        main(["export", "csv", str(folder / "run.nc"), "--out", str(tmp_path)]) == 2
    )  # it would overwrite
    import pandas as pd

    run = drift.load(folder / "run.nc")
    read = pd.read_csv(tmp_path / "subject_session_unit_place_direction.csv")
    assert len(read) == int(run["rate"].notnull().sum())
    one = read.query("subject == 1 and session == 2 and unit == 3 and direction == -1")
    chosen = run["rate"].isel(subject=1, session=2, unit=3).sel(direction=-1).dropna("place")
    np.testing.assert_allclose(one["rate"], chosen, rtol=1e-12)
    written = {path.stem for path in tmp_path.glob("*.csv")}
    stability = {name for name in written if name.startswith("stability_")}
    similar = {"session_pairs", "similarity_by_lag", "half_life"}
    assert {*tables(run), *similar, "units"} == written - stability
    assert {"stability_subject_room_lag", "stability_absent"} <= stability


@pytest.mark.slow
def test_sessions_go_to_nwb_with_the_recipe(folder: Path, tmp_path: Path):
    pytest.importorskip("pynwb")
    import data_adapters

    asked = ["--like", str(folder / "recorded.nc"), "--out", str(tmp_path / "nwb")]
    assert main(["export", "nwb", str(folder / "run.nc"), *asked]) == 0
    run, sessions = (
        drift.load(folder / "run.nc"),
        list(data_adapters.sessions("nwb", tmp_path / "nwb")),
    )
    assert (
        len(sessions) == run.sizes["subject"] * drift.load(folder / "recorded.nc").sizes["session"]
    )
    assert {str(one["experiment"].item()) for one in sessions} == set(
        run["experiment"].values.astype(str)
    )
    assert (
        main(
            [
                "export",
                "nwb",
                str(folder / "recordings"),
                "--format",
                "interchange",
                "--out",
                str(tmp_path / "own"),
            ]
        )
        == 0
    )
    again = drift.measure(data_adapters.sessions("nwb", tmp_path / "own"), shuffles=20)
    np.testing.assert_array_equal(
        again["rate"].values, drift.load(folder / "recorded.nc")["rate"].values
    )


def test_info_tells_recipe_and_units(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["info", str(folder / "run.nc")]) == 0
    told = capsys.readouterr().out
    assert "bits/event" in told and "units = 20" in told and "versions: repdrift" in told
    assert main(["info", str(folder / "recipe.toml")]) == 0
    assert "with all defaults" in capsys.readouterr().out


def test_downloaded_files_are_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    content = b"spikes"
    import hashlib

    table = tmp_path / "table.csv"
    digest = hashlib.sha256(content).hexdigest()
    table.write_text(
        f"dataset,url,bytes,sha256,licence\nsmall,http://localhost/a.mat,{len(content)},{digest},MIT\n"
    )
    asked = words(f"small --table {table} --cache {tmp_path}")
    with pytest.raises(SystemExit) as end:
        main(["data", "check", *asked])
    assert end.value.code == 1 and "0 files whole, 1 missing" in capsys.readouterr().out
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "a.mat").write_bytes(content)
    assert main(["data", "check", *asked]) == 0 and main(["data", "list", *asked[1:]]) == 0
    (tmp_path / "small" / "a.mat").write_bytes(b"broken")
    assert main(["data", "check", *asked]) == 2
    assert "sha256" in capsys.readouterr().err


def test_completion_is_a_script_of_the_shell(capfd: pytest.CaptureFixture[str]):
    assert main(["completion", "bash"]) == 0
    script = capfd.readouterr().out
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)
    assert "--weight" not in script and all(
        name in script for name in ("measure", "--shuffles", "--bounds", "--vary")
    )


def test_a_reader_that_has_seen_enough_is_no_error(folder: Path):
    command = (
        f"{sys.executable} -m drift.cli info {folder / 'run.nc'} | head -1; exit ${{PIPESTATUS[0]}}"
    )
    answer = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert answer.returncode in (0, 141) and "Traceback" not in answer.stderr


def test_an_interrupt_leaves_no_half_file(tmp_path: Path):
    command = [
        sys.executable,
        "-m",
        "drift.cli",
        "run",
        "--steps",
        "5000000",
        "--out",
        str(tmp_path / "run.nc"),
    ]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    while "training" not in process.stderr.read(20):
        assert process.poll() is None
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130 and "interrupted" in told and not list(tmp_path.iterdir())
