"""What all tests share: where the real recordings are, and a random generator that names its
seed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
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
