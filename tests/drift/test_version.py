"""The version that a program asks for is that of the package, and its types are for others to see."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import circuits
import data_adapters
import drift


def test_the_version_is_that_of_the_installed_package():
    assert drift.__version__ == version("repdrift")
    assert "__version__" not in drift.__all__


def test_type_checkers_of_users_read_the_hints_of_all_packages():
    for package in (drift, circuits, data_adapters):
        assert (Path(package.__file__).parent / "py.typed").is_file()
