"""Version of repdrift, as it is installed."""

from __future__ import annotations

import functools
from importlib.metadata import PackageNotFoundError, version

NOT_INSTALLED = "not installed"


@functools.cache
def installed_version(package: str = "repdrift") -> str:
    """Version of an installed package, or that it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return NOT_INSTALLED


__version__ = installed_version()
