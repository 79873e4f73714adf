"""Dependencies point one way, importing loads little, and the import names are ours."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import importlib.util
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
# From the ground up: a module imports from its own room and from floors below, never from a room
# beside it or above.
# A module belongs to the room with the longest name that its own begins with; rooms of one floor do
# not know each other.
FLOORS = (
    (
        "drift.texts",
        "drift.faces",
        "drift.former_names",
        "drift.progress",
        "drift.fit_words",
        "drift.version",
    ),
    ("drift.errors",),
    ("drift.door",),
    ("drift.streams", "drift.html", "drift.entry_points"),
    ("drift.recipe", "drift.schema", "drift.loops", "drift.metrics.intervals"),
    ("drift.files", "drift.metrics"),
    (
        "drift.metrics.information",
        "drift.metrics.stability",
        "drift.metrics.sparse_codes",
    ),
    ("drift.metrics.time_course", "drift.metrics.place_code"),
    ("drift.metrics.fields",),
    ("drift.measurement",),
    ("drift.observation",),
    ("drift.metrics.decoders", "drift.metrics.experience", "drift.metrics.geometry"),
    ("drift.networks.inhibition", "drift.tasks", "drift.learners"),
    ("drift.networks",),
    ("drift.noise",),
    ("drift.consistency", "drift.protocol"),
    ("drift.experiment",),
    ("drift.theory.kernels",),
    ("drift.theory.generalisation", "drift.theory.input_noise", "drift.theory.landscape"),
    ("drift.theory.code_drift", "drift.training.engines", "drift.similarity_matching"),
    ("drift.training.probes", "drift.comparison", "drift.planning", "drift.theory.mechanisms"),
    ("drift.stability",),
    ("drift.training",),
    ("drift.sweeps", "drift.plots"),
    ("drift.inference.prior", "drift.inference.observed"),
    ("drift.inference.simulation", "drift.inference.statistics"),
    ("drift.inference",),
    ("drift.reporting",),
    ("drift.notebook.widgets",),
    ("drift.notebook",),
    ("circuits", "data_adapters"),
    ("circuits.rest", "data_adapters.files"),
    ("data_adapters.tracks", "data_adapters.registrations"),
    ("circuits.simulation", "data_adapters.exchange"),
    ("circuits.kinds", "data_adapters.published", "data_adapters.assembly"),
    (
        "circuits.wandering",
        "circuits.fitting.statistics",
        "data_adapters.laboratories.interchange",
    ),
    (
        "circuits.bridge",
        "circuits.fitting",
        "data_adapters.laboratories",
        "data_adapters.tools",
        "data_adapters.exchange.nwb",
    ),
    ("data_adapters.laboratories.frank", "data_adapters.laboratories.ziv"),
    ("data_adapters.inspection",),
    ("drift.cli",),
)
ROOMS = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
# What packages offer is said at their doors, which know all that is behind them; where circuits are
# run is known by name alone.
BY_NAME = {
    "circuits/base.py": {"circuits.simulation.settle"},
    "drift/schema/accessor.py": {"drift.notebook.accessor"},
}
FOREIGN_TO_METRICS = {"torch", "brian2", "numba", "pydantic", "matplotlib"}


@cache
def imported(path: Path) -> tuple[str, ...]:
    """Modules that a file imports anywhere, in functions too, in full; what only type checkers see
    is left out."""
    return tuple(_imported(path))


def _imported(path: Path) -> Iterator[str]:
    nodes = [ast.parse(path.read_text())]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)):
            nodes.extend(ast.iter_child_nodes(node))


def ours(module: str) -> bool:
    return module.split(".")[0] in ("drift", "data_adapters", "circuits")


def module_of(path: Path) -> str:
    parts = path.relative_to(CHECKOUT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    return max((room for room in ROOMS if f"{module}.".startswith(f"{room}.")), key=len, default="")


def home_of(name: str) -> str:
    """The module that an imported name belongs to: itself, or what it is taken from."""
    return name if _is_module(name) else name.rpartition(".")[0]


@cache
def _is_module(name: str) -> bool:
    path = CHECKOUT / name.replace(".", "/")
    return path.is_dir() or path.with_suffix(".py").exists()


FILES = [
    path
    for package in ("drift", "circuits", "data_adapters")
    for path in sorted((CHECKOUT / package).rglob("*.py"))
]
BEHIND_DOORS = [
    path
    for path in FILES
    if "lazily(__name__)" not in path.read_text() and module_of(path) != "drift.metrics"
]


def test_every_module_has_a_room():
    assert not [
        module_of(path)
        for path in BEHIND_DOORS
        if not room_of(module_of(path)) and path.name != "__init__.py"
    ]
    assert set(ROOMS) == {room_of(module_of(path)) for path in FILES} - {""}, (
        "a room without a module"
    )


@pytest.mark.parametrize(
    "path",
    [path for path in BEHIND_DOORS if path.name != "__main__.py"],
    ids=lambda path: module_of(path),
)
def test_imports_point_down(path: Path):
    own = room_of(module_of(path))
    for name in filter(ours, imported(path)):
        other = room_of(home_of(name))
        lower = other in ROOMS and ROOMS[other] < ROOMS[own]
        if own == "drift.cli" or name in ("drift", "circuits", "data_adapters"):
            continue  # the roof; the packages themselves, whose doors open to what is asked for
        assert other == own or lower, (
            f"{module_of(path)} imports {name}: {own} lies beside or below {other or 'a door'}"
        )


def test_simulations_and_laboratories_know_nothing_of_each_other():
    for path in BEHIND_DOORS:
        package = module_of(path).partition(".")[0]
        known = {name.partition(".")[0] for name in filter(ours, imported(path))}
        allowed = (
            {"drift", "circuits", "data_adapters"}
            if room_of(module_of(path)) == "drift.cli"
            else {"drift", package}
        )
        assert known <= allowed, f"{module_of(path)} knows {known - allowed}"


def test_what_is_known_by_name_alone_is_stated():
    found: dict[str, set[str]] = {}
    for path in (path for path in BEHIND_DOORS if room_of(module_of(path)) != "drift.cli"):
        names = set(re.findall(r'"((?:drift|circuits|data_adapters)\.[a-z_.]+)"', path.read_text()))
        calls = "import_module(" in path.read_text() and {
            name for name in names if _is_module(name)
        }
        found |= {path.relative_to(CHECKOUT).as_posix(): calls} if calls else {}
    found.pop("drift/former_names.py")  # a table of names, of which none is imported unasked
    assert found == BY_NAME


def test_metrics_need_no_engine():
    for path in (CHECKOUT / "drift" / "metrics").rglob("*.py"):
        assert not {module.split(".")[0] for module in imported(path)} & FOREIGN_TO_METRICS, (
            path.name
        )


@pytest.mark.parametrize(
    "statement",
    [
        "import drift",
        "import data_adapters",
        "import drift.metrics",
        "import circuits",
        "from drift import measure, load",
    ],
)
def test_importing_loads_neither_torch_nor_brian2(statement: str):
    script = (
        f"import sys; {statement}; print([name for name in ('torch', 'brian2') if name in "
        "sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"


@pytest.mark.parametrize("name", ["drift", "circuits", "data_adapters"])
def test_import_names_are_ours(name: str):
    claims = importlib.metadata.packages_distributions().get(
        name, ["repdrift"]
    )  # an editable installation lists no names
    assert set(claims) == {"repdrift"}
    assert importlib.util.find_spec(name).origin == str(CHECKOUT / name / "__init__.py")


def test_no_module_shares_its_name_with_something_public_in_its_package():
    for face in (
        path
        for path in sorted(CHECKOUT.glob("*/**/__init__.py"))
        if ours(path.relative_to(CHECKOUT).parts[0])
    ):
        public = importlib.import_module(".".join(face.relative_to(CHECKOUT).parts[:-1]))
        neighbours = {path.stem for path in face.parent.iterdir() if path.suffix in ("", ".py")}
        objects = {
            name
            for name in getattr(public, "__all__", [])
            if not inspect.ismodule(getattr(public, name))
        }
        assert not neighbours & objects, (
            f"{public.__name__} has a module and something public called {neighbours & objects}"
        )


def test_every_public_name_is_found_and_listed_once():
    import drift

    for name in drift.__all__:
        assert getattr(drift, name) is not None
    assert len(set(drift.__all__)) == len(drift.__all__) and set(drift.__all__) <= set(dir(drift))
    with pytest.raises(AttributeError, match="no attribute 'tarin'"):
        _ = drift.tarin
