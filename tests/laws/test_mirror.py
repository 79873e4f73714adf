"""Tests lie as the packages lie: who reads a module knows where its tests are."""

from __future__ import annotations

from pathlib import Path

import pytest
from checkout import CHECKOUT

TESTS = CHECKOUT / "tests"
FOLDERS = sorted(
    {
        path.parent
        for package in ("drift", "circuits", "data_adapters")
        for path in (TESTS / package).rglob("*.py")
    }
)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.relative_to(TESTS)))
def test_a_folder_of_tests_belongs_to_a_room_and_is_small(folder: Path):
    room = CHECKOUT / folder.relative_to(TESTS)
    assert (room / "__init__.py").is_file(), (
        f"{folder.relative_to(CHECKOUT)} mirrors no folder of a package: move its tests to the "
        "folder of the module that they test."
    )
    assert len(list(folder.glob("*.py"))) <= 20, f"{folder.relative_to(CHECKOUT)} needs rooms"
