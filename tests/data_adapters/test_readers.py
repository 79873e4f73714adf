"""The front door: names, options and paths are refused at the call; nothing heavy is imported."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

import data_adapters
from drift.errors import RefusedInputError


def test_import_loads_neither_torch_nor_brian2_nor_file_libraries():
    code = (
        "import sys, data_adapters; print(*{'torch', 'brian2', 'xarray', 'scipy', 'h5py', "
        "'numba'}.intersection(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == ""


def test_readers_load_neither_torch_nor_brian2():
    names = ", ".join(data_adapters.READERS.values())
    code = f"import sys, {names}; print(*{{'torch', 'brian2'}}.intersection(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == ""


@pytest.mark.parametrize("name", data_adapters.READERS)
def test_every_reader_has_sessions(name):
    assert callable(import_module(data_adapters.READERS[name]).sessions)


def test_unknown_reader_names_the_nearest(tmp_path):
    with pytest.raises(RefusedInputError, match="'karlson2015' is unknown: use karlsson2015"):
        data_adapters.sessions("karlson2015", tmp_path)


def test_unknown_option_names_the_nearest(tmp_path):
    with pytest.raises(
        RefusedInputError,
        match="'maximum_rates' is unknown to the reader karlsson2015: use maximum_rate",
    ):
        data_adapters.sessions("karlsson2015", tmp_path, maximum_rates=7)


def test_option_text_that_is_no_number_is_refused(tmp_path):
    with pytest.raises(RefusedInputError, match="option minimum_spikes takes numbers"):
        data_adapters.sessions("karlsson2015", tmp_path, minimum_spikes="many")


def test_missing_path_is_refused_at_the_call(tmp_path):
    with pytest.raises(RefusedInputError, match="got nothing there"):
        data_adapters.sessions("interchange", tmp_path / "absent")


@pytest.mark.parametrize("name", data_adapters.READERS)
def test_empty_folder_is_refused_at_the_call(name, tmp_path):
    with pytest.raises(RefusedInputError, match="got none"):
        data_adapters.sessions(name, tmp_path)
