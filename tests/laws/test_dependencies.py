"""Dependencies point one way, importing loads little, and the import names are ours."""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
SHARED = {"drift.errors", "drift.door", "drift.schema", "drift.metrics", "drift.streams", "drift.store", "drift.observation", "drift.texts"}
SHARED |= {"drift.whole_files", "drift.downloads", "drift.progress"}
ALLOWED = {
    "drift": {"drift"},
    # Exchanged sessions say which samples count as running; clocks and speeds lie on the ground.
    "data_adapters": {"data_adapters", "drift.own_content", "drift.conventions", "drift.clocks", "drift.speeds", "drift.running", *SHARED},
    "circuits": {"circuits", "drift.theory", "drift.recipe", "drift.rich_html", "drift.fit_words", "drift.observed_maps", *SHARED},
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


@pytest.mark.parametrize("name", ["report", "comparison_table"])
def test_a_function_keeps_its_name_from_a_module_that_shares_it(name: str):
    script = f"from drift.{name} import {name} as function; import drift; assert drift.{name} is function"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_every_public_name_is_found_and_listed_once():
    import drift

    for name in drift.__all__:
        assert getattr(drift, name) is not None
    assert len(set(drift.__all__)) == len(drift.__all__) and set(drift.__all__) <= set(dir(drift))
    with pytest.raises(AttributeError, match="no attribute 'tarin'"):
        _ = drift.tarin
