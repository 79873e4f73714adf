"""The notebooks are text that a person can read, and run from top to bottom."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest
from checkout import CHECKOUT, EXAMPLES

jupytext = pytest.importorskip("jupytext", reason="notebooks need the extra notebook")
nbclient = pytest.importorskip("nbclient", reason="notebooks need the extra notebook")

FOLDER = EXAMPLES / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.py"), key=lambda path: int(path.name.split("_")[0]))
LESSONS = [path for path in NOTEBOOKS if path.stem != "9_gallery"]
HEADER = {"extension": ".py", "format_name": "percent"}
SECONDS = 25.0  # CPU time of the kernel on an idle core, the start of Python included


def cells(path: Path, kind: str) -> list[str]:
    return [cell.source for cell in jupytext.read(path).cells if cell.cell_type == kind]


def test_there_are_nine_lessons_and_a_gallery_in_their_order():
    assert [path.name.split("_")[0] for path in NOTEBOOKS] == [
        str(number) for number in range(1, 11)
    ]
    assert len(LESSONS) == 9
    listed = (CHECKOUT / "docs" / "tutorials" / "index.md").read_text()
    assert re.findall(r"^notebooks/(\w+)$", listed, flags=re.MULTILINE) == [
        path.stem for path in NOTEBOOKS
    ]
    assert {path.suffix for path in FOLDER.iterdir()} - {""} == {".py"}, (
        "outputs are not kept in the repository"
    )


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_text(path: Path):
    notebook = jupytext.read(path)
    told = notebook.metadata["jupytext"]["text_representation"]
    assert {name: told[name] for name in HEADER} == HEADER
    assert notebook.metadata["kernelspec"]["name"] == "python3"
    for number, code in enumerate(cells(path, "code")):
        compile(code, f"{path.name}, cell {number}", "exec")
    text = path.read_text()
    assert not re.search(r"[\"'(\s](/(?:home|work|tmp|usr|Users|root|mnt)/|[A-Z]:\\)", text), (
        "an absolute path of some machine"
    )
    prose = cells(path, "markdown")
    assert prose[0].startswith(f"# {path.name.split('_')[0]}. ")
    assert max(map(len, text.splitlines())) <= 140


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_has_a_figure_and_two_exercises(path: Path):
    prose = cells(path, "markdown")
    assert "## The figure" in "\n".join(prose)
    exercises = prose[-1].split("## Exercises")[1]
    assert re.findall(r"^\d\. \*\*", exercises, flags=re.MULTILINE) == ["1. **", "2. **"]


def test_the_gallery_draws_every_kind_of_picture():
    gallery = FOLDER / "9_gallery.py"
    code, prose = ("\n".join(cells(gallery, kind)) for kind in ("code", "markdown"))
    assert len(set(re.findall(r"plots\.(\w+)\(", code))) > 20
    assert all(example in prose for example in ("interneuron_top_k.py", "sparse_from_noise.py"))


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv(
        "PYTHONWARNINGS",
        "default,ignore::DeprecationWarning",  # Brian2 calls pyparsing by its older names
    )
    notebook = jupytext.read(path)
    began, used = time.monotonic(), os.times()
    client = nbclient.NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    )
    client.execute()
    spent = os.times()
    cpu = spent.children_user + spent.children_system - used.children_user - used.children_system
    print(
        f"{path.name}: {cpu:.1f} s of CPU (meant: {SECONDS:.0f}), {time.monotonic() - began:.1f} s"
    )
    outputs = [
        output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs
    ]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    complaints = [output.text for output in outputs if output.get("name") == "stderr"]
    assert not [text for text in complaints if "Warning" in text], complaints
    assert not list(tmp_path.iterdir()), "a notebook leaves nothing behind where it runs"
