"""What all tests share: where the real recordings are, a random generator that names its seed, and
how many examples of a property are tried."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

# Nothing is left behind in the checkout, and a busy machine is no failure.
os.environ.setdefault(
    "HYPOTHESIS_STORAGE_DIRECTORY", str(Path(tempfile.gettempdir()) / "repdrift-hypothesis")
)
settings.register_profile("repdrift", database=None, deadline=None)
settings.load_profile("repdrift")

CHECKOUT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def data_folder() -> Callable[[str], Path]:
    """Folder of a data set by name; skips the test where the data are absent."""
    root = Path(os.environ.get("REPDRIFT_DATA", CHECKOUT.parent / "shared" / "data"))

    def folder(name: str) -> Path:
        if not (root / name).is_dir():
            pytest.skip(
                f"the data set {name} is absent: set REPDRIFT_DATA to the folder that holds it"
            )
        return root / name

    return folder


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20240424)


LONG = frozenset((Path(__file__).parent / "fixtures" / "long_tests.txt").read_text().split("\n"))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that were measured to take long are left to ``make test-long``; see ``long_tests``."""
    for item in items:
        if item.nodeid in LONG:
            item.add_marker(pytest.mark.long)


FEW, FEWEST = 0.25, 5  # share of the examples of a property that is tried fast, and at least


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Properties are tried on few examples, and by ``make test-slow`` on as many as they ask for."""
    if getattr(metafunc.function, "is_hypothesis_test", False):
        metafunc.fixturenames.append("share_of_examples")
        shares = [
            pytest.param(FEW, id="few"),
            pytest.param(1.0, id="all", marks=pytest.mark.slow),
        ]
        metafunc.parametrize("share_of_examples", shares, indirect=True)


@pytest.fixture
def share_of_examples(request: pytest.FixtureRequest) -> Iterator[None]:
    tried = request.function
    asked = tried._hypothesis_internal_use_settings
    few = max(round(request.param * asked.max_examples), min(FEWEST, asked.max_examples))
    tried._hypothesis_internal_use_settings = settings(asked, max_examples=few)
    yield
    tried._hypothesis_internal_use_settings = asked
