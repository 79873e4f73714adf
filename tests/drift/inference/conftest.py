"""One small bank for all tests of this room."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_bank import small_bank


@pytest.fixture(scope="session")
def bank_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_bank(tmp_path_factory.mktemp("bank"))
