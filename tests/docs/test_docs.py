"""The pages: every block of Python runs in order, every command exists, every public name has its
place, no link leads nowhere."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from checkout import CHECKOUT

from circuits import CIRCUITS
from data_adapters import READERS
from drift.learners import LEARNERS
from drift.metrics.place_code import OF_MAPS
from drift.noise import NOISES
from drift.tasks import TASKS
from drift.training.probes.network import PROBES

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
        if page.parent.name != "files"  # which need files: tests/docs/test_file_pages.py
        and any(one.language == "python" for one in blocks(page))
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
    assert set(reasons) == {"how_to/slurm.md", "how_to/conclusions.md"}


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
    if command == "run":  # flags of a task that is not the usual one
        with contextlib.redirect_stdout(answer), contextlib.suppress(SystemExit):
            main([command, "--task.kind", "arena", "--help"])
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
        "Excitability",  # of circuits: the same class, described at drift.Excitability
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
    "within_sessions",
}


def test_every_kind_of_plot_and_theory_is_in_the_reference():
    listed = reference()
    for room in ("kernels", "code_drift", "generalisation", "landscape", "input_noise"):
        modules = {path.stem for path in (CHECKOUT / "drift" / "theory" / room).glob("[a-z]*.py")}
        assert modules - INNER == listed[f"drift.theory.{room}"] & modules
    # what pictures say beside the maps, and refuse, is no picture
    axes = ("labels", "stimulus_axis", "drawn")
    pictures = {
        path for path in (CHECKOUT / "drift" / "plots").glob("[a-z]*.py") if path.stem not in axes
    }
    functions = {
        name
        for path in pictures
        for name in re.findall(r"^def ([a-z]\w+)", path.read_text(), re.MULTILINE)
    }
    assert functions == listed["drift.plots"] & functions and len(functions) > 10


def classes(table: Mapping[str, type], suffix: str = "") -> list[set[str]]:
    """Each member by its kind, its class, and its kind with a suffix."""
    return [{kind, one.__name__, kind + suffix} for kind, one in table.items()]


# By page: the real member that it shows, and the names of all members of its kind.
MEMBERS: dict[str, tuple[str, list[set[str]]]] = {
    "new_task": ("CorridorTask", classes(TASKS)),
    "new_learner": ("StochasticErrorDescent", classes(LEARNERS)),
    "new_noise": ("UpdateNoise", classes(NOISES, "_noise")),
    "new_measure": ("spatial_information", [{name} for name in OF_MAPS]),
    "new_probe": ("fraction_active_units", [{name} for name in PROBES]),
    "new_circuit": ("CountControl", classes(CIRCUITS)),
    "new_lab_format": ("jercog2019", [{name} for name in READERS]),
}
# Tables that name most members of a kind and need no line for a new one.
NO_REGISTER = {
    # what is corrected for limited sampling: the two kinds of Skaggs information, and no other
    ("new_measure", "drift/metrics/information/subsampling.py"),
    # mechanisms of a bank, one rule or noise each; a new one is held possible by a line of the prior
    ("new_learner", "drift/inference/simulation/learning.py"),
    ("new_noise", "drift/inference/simulation/learning.py"),
}


class Listed(NamedTuple):
    """What a page says of a full member: the sentence before the table, and the files."""

    sentence: str
    files: list[str]


def full_member(page: str) -> Listed:
    text = (DOCS / "how_to" / f"{page}.md").read_text()
    headings = re.findall(r"^## .+$", text, re.MULTILINE)
    assert headings[-1] == "## Files of a full member"
    sentence, _, table = text.partition(headings[-1])[2].partition(
        "| file | what stands there |\n|---|---|\n"
    )
    rows = [re.fullmatch(r"\| `(\S+)` \| .+ \|", line) for line in table.strip().splitlines()]
    assert rows and all(rows), "every row is | `file` | what stands there |"
    return Listed(sentence, [row[1] for row in rows if row])


def outside_of_tests_and_pages(files: Iterable[str]) -> set[str]:
    return {name for name in files if not name.startswith(("tests/", "docs/"))}


@pytest.mark.parametrize("page", MEMBERS)
def test_files_of_a_full_member_exist_and_name_it(page: str):
    member, _ = MEMBERS[page]
    listed = full_member(page)
    names = re.findall(r"`(\w+)`", listed.sentence)
    assert names[0] == member
    spelt = re.compile("|".join(name.replace("_", "[_ ]") for name in names), re.IGNORECASE)
    for name in listed.files:
        assert (CHECKOUT / name).is_file(), name
        assert spelt.search((CHECKOUT / name).read_text()), f"{name} does not name {names}"
    assert len(outside_of_tests_and_pages(listed.files)) <= 5
    assert {name.partition("/")[0] for name in listed.files} >= {"tests", "docs"}


def tables_of(path: Path) -> Iterator[set[str]]:
    """The words of each dict, list, tuple and set that a module writes out, those of each list of
    names in a text that it prints, and the imports of a face."""
    tree = ast.parse(path.read_text())
    docstrings = {
        node.body[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict | ast.List | ast.Tuple | ast.Set):
            yield set(words_of(node))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            told = "" if node in docstrings else re.sub(r" \([^)]*\)", "", node.value)
            yield from (set(run.split(", ")) for run in re.findall(r"\w+(?:, \w+)+", told))
    if path.name == "__init__.py":
        imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        yield {alias.name for node in imports for alias in node.names}


def words_of(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            yield part.id
        elif isinstance(part, ast.Attribute):
            yield part.attr
        elif isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value


@pytest.fixture(scope="module")
def written_tables() -> dict[str, list[set[str]]]:
    rooms = ("drift", "circuits", "data_adapters")
    modules = [path for room in rooms for path in sorted((CHECKOUT / room).rglob("*.py"))]
    return {path.relative_to(CHECKOUT).as_posix(): list(tables_of(path)) for path in modules}


@pytest.mark.parametrize("page", MEMBERS)
def test_a_full_member_is_registered_nowhere_else(
    page: str, written_tables: dict[str, list[set[str]]]
):
    """A table that names the member and more than half of its kind is a register: a new member
    needs a line there, so that the page has to say so. Other tables that name it, such as the
    published experiments, are about something else."""
    member, kind = MEMBERS[page]
    own = next(names for names in kind if member in names)
    registers = {
        name
        for name, tables in written_tables.items()
        for table in tables
        if own & table and 2 * sum(bool(names & table) for names in kind) > len(kind)
    }
    registers -= {name for where, name in NO_REGISTER if where == page}
    assert registers
    assert not registers - set(full_member(page).files)


def test_the_noise_table_of_the_page_is_that_of_the_package():
    text = (DOCS / "how_to" / "new_noise.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \|", text, re.MULTILINE)
    assert dict(rows) == {kind: one.__name__ for kind, one in NOISES.items()}


def test_figures_are_shown_whatever_backend_the_shell_names():
    """On servers the shell often names one without windows, which kernels would inherit."""
    pytest.importorskip("sphinx")
    script = f"import os, runpy; runpy.run_path({str(DOCS / 'conf.py')!r}); print(*os.environ)"
    words = [sys.executable, "-c", script]
    environment = {**os.environ, "MPLBACKEND": "Agg"}
    left = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    assert "PYTHONPATH" in left.stdout.split() and "MPLBACKEND" not in left.stdout.split()


def test_a_line_of_code_fits_on_the_screen_of_a_laptop():
    """Of 1300 pixels, what the columns beside the text and four margins of 1 rem leave; a letter of
    a fixed pitch is .6 of its size wide."""
    style = (DOCS / "_static" / "repdrift.css").read_text()

    def stated(pattern: str) -> float:
        match = re.search(pattern, style)
        assert match, pattern
        return float(match[1])

    columns = stated(r"sidebar-primary-width: ([\d.]+)rem") + stated(
        r"sidebar-secondary: ([\d.]+)rem"
    )
    letter = 0.6 * stated(r"highlight pre \{[^}]*font-size: ([\d.]+)em")
    assert (1300 / 16 - columns - 4) / letter >= 100
    assert stated(r"article-container \{ max-width: ([\d.]+)rem") - 4 >= 100 * letter


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
