"""Dependencies point one way, importing loads little, and the import names are ours."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import importlib.util
import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
SHARED = {
    "drift.errors",
    "drift.door",
    "drift.schema",
    "drift.metrics",
    "drift.streams",
    "drift.files.store",
    "drift.observation.observe",
    "drift.texts",
}
SHARED |= {"drift.faces", "drift.files.atomic", "drift.files.downloads", "drift.progress"}
ALLOWED = {
    "drift": {"drift"},
    # Exchanged sessions say which samples count as running; clocks and speeds lie on the ground.
    "data_adapters": {
        "data_adapters",
        "drift.files.own_content",
        "drift.comparison.conventions",
        "drift.metrics.clocks",
        "drift.measurement.speeds",
        "drift.measurement.running_samples",
        *SHARED,
    },
    "circuits": {"circuits", "drift.theory", "drift.recipe", "drift.html", "drift.fit_words", "drift.observation.expected_maps", *SHARED},
    "drift/metrics": {"drift.errors", "drift.door", "drift.progress", "drift.schema", "drift.streams", "drift.metrics"},
}
FOREIGN_TO_METRICS = {"torch", "brian2", "numba", "pydantic", "matplotlib"}


def imported(path: Path) -> Iterator[str]:
    """Modules that a file imports anywhere, in full."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def ours(module: str) -> bool:
    return module.split(".")[0] in ("drift", "data_adapters", "circuits")


@pytest.mark.parametrize("room", ALLOWED)
def test_dependencies_point_one_way(room: str):
    files = [path for path in (CHECKOUT / room).rglob("*.py") if (CHECKOUT / "drift" / "cli") not in path.parents]
    assert files
    for path in files:
        for module in filter(ours, imported(path)):
            inside = any(module == allowed or module.startswith(f"{allowed}.") for allowed in ALLOWED[room])
            assert inside, f"{path.relative_to(CHECKOUT)} imports {module}"


def test_metrics_need_no_engine():
    for path in (CHECKOUT / "drift" / "metrics").rglob("*.py"):
        assert not {module.split(".")[0] for module in imported(path)} & FOREIGN_TO_METRICS, path.name


@pytest.mark.parametrize(
    "statement", ["import drift", "import data_adapters", "import drift.metrics", "import circuits", "from drift import measure, load"]
)
def test_importing_loads_neither_torch_nor_brian2(statement: str):
    script = f"import sys; {statement}; print([name for name in ('torch', 'brian2') if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


@pytest.mark.parametrize("name", ["drift", "circuits", "data_adapters"])
def test_import_names_are_ours(name: str):
    claims = importlib.metadata.packages_distributions().get(name, ["repdrift"])  # an editable installation lists no names
    assert set(claims) == {"repdrift"}
    assert importlib.util.find_spec(name).origin == str(CHECKOUT / name / "__init__.py")


def test_no_module_shares_its_name_with_something_public_in_its_package():
    for face in (path for path in sorted(CHECKOUT.glob("*/**/__init__.py")) if ours(path.relative_to(CHECKOUT).parts[0])):
        public = importlib.import_module(".".join(face.relative_to(CHECKOUT).parts[:-1]))
        neighbours = {path.stem for path in face.parent.iterdir() if path.suffix in ("", ".py")}
        objects = {name for name in getattr(public, "__all__", []) if not inspect.ismodule(getattr(public, name))}
        assert not neighbours & objects, f"{public.__name__} has a module and something public called {neighbours & objects}"


def test_every_public_name_is_found_and_listed_once():
    import drift

    for name in drift.__all__:
        assert getattr(drift, name) is not None
    assert len(set(drift.__all__)) == len(drift.__all__) and set(drift.__all__) <= set(dir(drift))
    with pytest.raises(AttributeError, match="no attribute 'tarin'"):
        _ = drift.tarin
