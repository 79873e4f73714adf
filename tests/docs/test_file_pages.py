"""Pages on the files of tools: their commands and blocks run in a folder of such files."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import laboratory_mice as layouts
import pytest
import tool_files
from checkout import CHECKOUT
from laboratory_mice import mouse
from test_docs import DOCS, blocks

sys.path.insert(0, str(CHECKOUT / "tests" / "data_adapters" / "tools"))

PAGES = sorted((DOCS / "how_to" / "files").glob("*.md"))
OF_MICE = {
    "suite2p": (layouts.write_suite2p, layouts.write_track2p),
    "caiman": (layouts.write_caiman, layouts.write_cellreg),
    "roimatch": (layouts.write_suite2p, layouts.write_roimatch),
    "phy": (layouts.write_phy, layouts.write_clusters_registered),
}
FILES_OF = {
    "index": "suite2p",
    "track2p": "suite2p",
    "virtual_reality": "suite2p",
    "events": "suite2p",
    "two_clocks": "suite2p",
    "cellreg": "caiman",
    "deeplabcut": "phy",
}


def write_files(page: str, folder: Path) -> None:
    tool = FILES_OF.get(page, page)
    if tool in OF_MICE:
        subject = mouse("mouse7", 2, days=4, cells=24, seconds=240.0)
        write_day, write_over_days = OF_MICE[tool]
        for day in subject.days:
            write_day(folder, day)
        write_over_days(folder, subject)
    elif tool in tool_files.TOOLS:
        day = folder / "mouse7" / "2024-05-01"
        day.mkdir(parents=True)
        tool_files.TOOLS[tool][0](day, tool_files.known())


def test_every_reader_of_tools_has_a_page():
    names = {page.stem for page in PAGES}
    assert set(tool_files.TOOLS) <= names
    assert {"deeplabcut", "cellreg", "track2p", "roicat", "events", "two_clocks"} <= names
    readme = (CHECKOUT / "README.md").read_text()
    for tool in ("suite2p", "CaImAn", "Minian", "Inscopix", "phy", "Kilosort", "CellExplorer",
                 "DeepLabCut", "CellReg", "track2p", "ROICaT", "ROIMatchPub"):  # fmt: skip
        assert tool in readme


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_blocks_and_commands_run(page: Path, tmp_path: Path):
    if page.stem == "minian":
        pytest.importorskip("zarr")
    (tmp_path / "recordings").mkdir()
    write_files(page.stem, tmp_path / "recordings")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}
    ran = 0
    script = "\n".join(block.text for block in blocks(page) if block.language == "python")
    commands = [[sys.executable, "-W", "error", "-c", script]] if script else []
    for block in blocks(page):
        if block.language == "bash":
            commands += [
                [sys.executable, "-m", "drift.cli", *shlex.split(line)[1:]]
                for line in block.text.splitlines()
                if line.startswith("repdrift ")
            ]
    for command in commands:
        ended = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
        )
        assert ended.returncode == 0, (command[-8:], ended.stdout[-500:], ended.stderr[-1500:])
        ran += 1
    assert ran
