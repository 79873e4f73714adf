"""Where files are kept that can be made, or fetched, again."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder(cache: str | Path | None = None) -> Path:
    """Folder of what is kept: the argument, else the environment variable ``REPDRIFT_CACHE``, else
    the user's cache.

    Parameters
    ----------
    cache : str or pathlib.Path, optional
        Folder.

    Returns
    -------
    pathlib.Path
    """
    location = cache or os.environ.get("REPDRIFT_CACHE")
    if location:
        return Path(location).expanduser()
    import pooch

    return Path(pooch.os_cache("repdrift")).expanduser()
