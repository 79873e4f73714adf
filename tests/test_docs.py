"""The pages: every block of Python runs in order, every command exists, every public name has its
place, no link leads nowhere."""

from __future__ import annotations

import importlib
import inspect
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[1]
DOCS = CHECKOUT / "docs"
GENERATED = ("_build", "generated", "generated_text", "notebooks")
PAGES = sorted(
    path for path in DOCS.rglob("*.md") if not set(GENERATED) & set(path.relative_to(DOCS).parts)
)
FENCE = re.compile(
    r"(?P<reason>^% not run here: .+\n)?^```(?P<head>.*)\n(?P<body>[\s\S]*?)^```$", re.MULTILINE
)
QUICK = {"how_to/new_lab_format.md", "how_to/new_task.md"}  # the others take longer


class Block(NamedTuple):
    """A fenced block: its language, the file it is to be saved as, the reason why it is not run,
    its text."""

    language: str
    caption: str
    reason: str
    text: str


def blocks(page: Path) -> list[Block]:
    found = []
    for match in FENCE.finditer(page.read_text()):
        body, caption = match["body"], ""
        if match["head"].startswith("{code-block}"):
            options, _, body = body.partition("\n\n")
            caption = options.removeprefix(":caption:").strip()
        language = match["head"].removeprefix("{code-block}").strip()
        found.append(
            Block(language, caption, (match["reason"] or "").partition(": ")[2].strip(), body)
        )
    return found


def with_python() -> list:
    named = [
        (page, str(page.relative_to(DOCS)))
        for page in PAGES
        if any(one.language == "python" for one in blocks(page))
    ]
    return [
        pytest.param(page, id=name, marks=[] if name in QUICK else pytest.mark.slow)
        for page, name in named
    ]


@pytest.mark.parametrize("page", with_python())
def test_python_blocks_run_in_order(page: Path, tmp_path: Path):
    parts = []
    for one in blocks(page):
        if one.language == "python" and one.caption:
            (tmp_path / one.caption).write_text(one.text)
        elif one.language == "python" and not one.reason:
            parts.append(one.text)
    script = "\n".join(parts)
    # Brian2 and pynapple call other packages by older names.
    tolerated = (
        ["-W", "ignore::DeprecationWarning"]
        if re.search(r"import (circuits|pynapple)", script)
        else []
    )
    command = [sys.executable, "-W", "error", *tolerated, "-c", script]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}
    ended = subprocess.run(
        command,
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-2000:]


def test_a_block_that_is_not_run_says_why():
    reasons = {
        str(page.relative_to(DOCS)): one.reason
        for page in PAGES
        for one in blocks(page)
        if one.reason
    }
    assert set(reasons) == {"how_to/slurm.md"}


def commands() -> list[list[str]]:
    """Commands of the program in the blocks for a shell, and those within sentences."""
    found = []
    for page in PAGES:
        for one in blocks(page):
            if one.language in ("bash", "sh"):
                lines = one.text.replace("\\\n", " ").splitlines()
                found += [
                    shlex.split(line, comments=True)
                    for line in lines
                    if line.startswith("repdrift ")
                ]
        found += [
            shlex.split(words) for words in re.findall(r"`(repdrift [a-z][^`]*)`", page.read_text())
        ]
    return found


HELP = """
import contextlib, io, json, sys
from drift.cli import main

said = {}
for command in sys.argv[1:]:
    with contextlib.redirect_stdout(io.StringIO()) as answer, contextlib.suppress(SystemExit):
        main([command, "--help"])
    said[command] = answer.getvalue()
print(json.dumps(said))
"""


def said(commands: Iterable[str]) -> dict[str, str]:
    """Help of commands, from the program itself."""
    environment = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1"}
    words = [sys.executable, "-c", HELP, *commands]
    return json.loads(
        subprocess.run(
            words,
            env=environment,
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout
    )


def test_commands_and_their_flags_exist():
    asked: dict[str, set[str]] = {}
    for _, command, *rest in commands():
        asked.setdefault(command, set()).update(
            word.partition("=")[0] for word in rest if word.startswith("--")
        )
    assert len(asked) >= 5
    known = said(asked)
    for command, flags in asked.items():
        assert not [flag for flag in flags if flag not in known[command]], command


def reference() -> dict[str, set[str]]:
    """Names listed by module in the pages of the reference."""
    listed: dict[str, set[str]] = {}
    for page in (DOCS / "reference").glob("*.md"):
        for one in blocks(page):
            if "autosummary::" in one.text:
                module = re.search(r"currentmodule:: (\S+)", one.text)
                assert module
                listed.setdefault(module[1], set()).update(
                    re.findall(r"^   (\w[\w.]*)$", one.text, re.MULTILINE)
                )
    return listed


@pytest.mark.parametrize(
    "module", ["drift", "drift.metrics", "drift.similarity_matching", "circuits", "data_adapters"]
)
def test_every_public_name_is_in_the_reference(module: str):
    face = importlib.import_module(module)
    public = {name for name in face.__all__ if not inspect.ismodule(getattr(face, name))} - {
        "INPUTS",
        "NETWORKS",
        "Inputs",
        "Matching",
    }
    assert not public - reference()[module]


# What the modules of theory are made of.
INNER = {
    "checks",
    "finite_layers",
    "gradients",
    "integrals",
    "recorded_sums",
    "ridge_solution",
    "tables",
}


def test_every_kind_of_plot_and_theory_is_in_the_reference():
    listed = reference()
    for room in ("kernels", "code_drift", "generalisation", "landscape", "input_noise"):
        modules = {path.stem for path in (CHECKOUT / "drift" / "theory" / room).glob("[a-z]*.py")}
        assert modules - INNER == listed[f"drift.theory.{room}"] & modules
    pictures = {
        path for path in (CHECKOUT / "drift" / "plots").glob("[a-z]*.py") if path.stem != "labels"
    }
    functions = {
        name
        for path in pictures
        for name in re.findall(r"^def ([a-z]\w+)", path.read_text(), re.MULTILINE)
    }
    assert functions == listed["drift.plots"] & functions and len(functions) > 10


def test_the_citation_is_complete():
    citation = yaml.safe_load((CHECKOUT / "CITATION.cff").read_text())
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors", "version", "license", "type"} <= set(citation)
    text = (CHECKOUT / "pyproject.toml").read_text()
    assert str(citation["version"]) == re.search(r'^version = "(.+)"', text, re.MULTILINE)[1]  # type: ignore[index]
    for one in citation["references"]:
        assert {"type", "title", "authors", "year"} <= set(one)
        assert (
            re.fullmatch(r"10\.\d{4,}/\S+", one["doi"])
            if "doi" in one
            else one["url"].startswith("https://")
        )
        assert all({"family-names", "given-names"} <= set(author) for author in one["authors"])
    cited = (DOCS / "cite.md").read_text()
    assert all(one["doi"] in cited for one in citation["references"][:2])


def test_make_targets_named_in_the_pages_exist():
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    text = "\n".join(page.read_text() for page in PAGES)
    for target in set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE)):
        plan = subprocess.run(
            ["make", "-n", target], cwd=CHECKOUT, capture_output=True, text=True, check=False
        )
        assert plan.returncode == 0, plan.stderr


class Page(HTMLParser):
    """What a page links to, what it loads, and which places in it can be linked to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.loaded: set[str] = set()
        self.places: set[str] = set()
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.places |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a":
            self.links.add(given.get("href", ""))
        elif tag in ("img", "script", "link", "source", "iframe"):
            address = given.get("src", "") or given.get("href", "")
            if address and given.get("rel") not in ("canonical",):
                self.loaded.add(address)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Page]:
    """The built pages; those in REPDRIFT_HTML, or built here without running the notebooks."""
    built = os.environ.get("REPDRIFT_HTML")
    folder = Path(built).resolve() if built else tmp_path_factory.mktemp("html")
    if not built:
        pytest.importorskip("myst_nb", reason="Sphinx and its extensions come with repdrift[docs]")
        options = ["-q", "-W", "--keep-going", "-D", "nb_execution_mode=off", "-b", "html"]
        words = [sys.executable, "-m", "sphinx", *options, str(DOCS), str(folder)]
        ended = subprocess.run(
            words, cwd=CHECKOUT, capture_output=True, text=True, timeout=600, check=False
        )
        assert ended.returncode == 0, ended.stderr[-3000:]
    return {
        path: Page(path) for path in folder.rglob("*.html") if "_static" not in path.parts
    }  # the theme's own templates


@pytest.mark.slow
def test_no_link_leads_nowhere(site: dict[Path, Page]):
    broken = []
    for path, page in site.items():
        for address in page.links | page.loaded:
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            if not target.exists() or (
                parts.fragment
                and target in site
                and unquote(parts.fragment) not in site[target].places
            ):
                broken.append(f"{path.name}: {address}")
    assert len(site) > 100
    assert not broken


@pytest.mark.slow
def test_pages_load_nothing_from_elsewhere(site: dict[Path, Page]):
    elsewhere = {
        address
        for page in site.values()
        for address in page.loaded
        if urlsplit(address).scheme in ("http", "https")
    }
    assert not elsewhere


@pytest.mark.slow
def test_pages_name_no_path_of_a_machine(site: dict[Path, Page]):
    homes = (str(CHECKOUT), str(Path.home()) + os.sep)
    assert not [path.name for path in site for home in homes if home in path.read_text()]
