"""One process at a time reads a shared file, changes it and writes it back, on any file system,
also that of a cluster."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from drift.errors import RefusedInputError
from drift.files.atomic import is_alive, machine, unwritten

PATIENCE = 120.0  # seconds that a writer waits for all others, each of which needs far less
ABANDONED = 30.0  # seconds for which a lock has one holder before it is taken to have none
PAUSE = 0.02  # seconds between attempts


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep others that ask for it from a file, by a file ``.<file>.lock`` beside it.

    The lock of a process that was killed is removed: at once by processes of the same machine, by
    others when they have waited for half a minute.

    Parameters
    ----------
    path : Path
        Of the file that is to be changed; it need not exist.

    Raises
    ------
    RefusedInputError
        If no lock can be written beside the file, or others hold it for two minutes.
    """
    lock = path.with_name(f".{path.name}.lock")
    holder = f"{machine()}-{os.getpid()}-{secrets.token_hex(6)}"
    _wait_for(lock, holder, path)
    try:
        yield
    finally:
        _remove(lock, holder)


def _wait_for(lock: Path, holder: str, path: Path) -> None:
    begun = seen_since = time.monotonic()
    last_owner = ""
    while not _is_taken(lock, holder, path):
        moment, owner = time.monotonic(), _holder(lock)
        if owner != last_owner:
            last_owner, seen_since = owner, moment
        if _has_ended(owner) or moment - seen_since > ABANDONED:
            _remove(lock, owner)
        elif moment - begun > PATIENCE:
            remedy = f"wait until they end, or remove {lock} if there are none"
            raise RefusedInputError(f"{path} is being changed by other processes: {remedy}.")
        else:
            time.sleep(PAUSE)


def _is_taken(lock: Path, holder: str, path: Path) -> bool:
    try:
        file = os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0))
    except FileExistsError:
        return False
    except OSError as error:
        raise unwritten(path, str(error.strerror)) from None
    try:
        os.write(file, holder.encode())
    except OSError as error:
        lock.unlink(missing_ok=True)
        raise unwritten(path, str(error.strerror)) from None
    finally:
        os.close(file)
    return True


def _holder(lock: Path) -> str:
    """Who holds a lock; empty while it is being written or removed."""
    try:
        return lock.read_text()
    except (OSError, ValueError):
        return ""


def _has_ended(holder: str) -> bool:
    where, _separator, suffix = holder.partition("-")
    process = suffix.partition("-")[0]
    return where == machine() and process.isdecimal() and not is_alive(int(process))


def _remove(lock: Path, holder: str) -> None:
    """Remove the lock of a holder, and not one that another has taken in between."""
    aside = lock.with_name(f"{lock.name}.{secrets.token_hex(6)}")
    with suppress(OSError):
        lock.replace(aside)
        if _holder(aside) != holder:
            with suppress(OSError):
                os.link(aside, lock)
        aside.unlink()
