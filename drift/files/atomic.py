"""Files are written whole or not at all, under a name that no other writer holds, and only where a
plain file may stand.

What is being written bears the name ``.<file>.<machine>-<process>-<random>.part`` in the folder of
the file. If its process is killed it stays, and is removed when the file is written, or looked for,
again.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from drift.errors import RefusedInputError, UnwrittenFileError

UNFINISHED = re.compile(
    r"\.(?P<file>.+)\.(?P<machine>[0-9a-f]{8})-(?P<process>\d+)-[0-9a-f]{12}\.part"
)
OF_UNKNOWN = re.compile(r"\.(?P<file>.+)\.[^.]+\.part")  # as other versions named them
# seconds after which an unfinished file that another machine left has no writer any more
ABANDONED = 86_400.0
LONGEST = 150  # bytes of a file's name that stand in the name of its unfinished form
PROBE = 1 << 20  # bytes
_held: set[str] = set()  # names of what this process is writing


@contextmanager
def replaced_atomically(path: Path, *, overwrite: bool = True) -> Iterator[Path]:
    """Give a temporary path beside ``path`` that takes its place once all has been written.

    Parameters
    ----------
    path : Path
        Of the file.
    overwrite : bool
        Replace a plain file that is there, also one that another process has written meanwhile.

    Yields
    ------
    Path
        Of an empty file, to be filled.

    Raises
    ------
    RefusedInputError
        If the file cannot be written there, or there is no room for it; then nothing has changed.
    """
    check_target(path, overwrite=overwrite)
    remove_leftovers(path.parent, path.name)
    temporary = _created(path)
    try:
        yield temporary
        _placed(temporary, path, overwrite)
    except RefusedInputError:
        raise
    except OSError as error:
        reason = error.strerror or _obstacle(temporary) or " ".join(str(error).split())
        raise unwritten(path, reason) from None
    except RuntimeError as error:  # libraries such as HDF5 do not say what the system told them
        if not (obstacle := _obstacle(temporary)):
            raise
        raise unwritten(path, obstacle) from error
    finally:
        _held.discard(temporary.name)
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def check_target(path: Path, *, overwrite: bool = True) -> None:
    """Refuse a path at which no file may be written, before any work is done for it.

    Parameters
    ----------
    path : Path
        Of a file to be written.
    overwrite : bool
        Whether a plain file that is there may be replaced.

    Raises
    ------
    RefusedInputError
        If its folder is absent or closed to writing, or something is there that is no plain file,
        or is to be kept.
    """
    try:
        kind = stat.S_IFMT(path.lstat().st_mode) if os.path.lexists(path) else stat.S_IFREG
        if kind == stat.S_IFDIR:
            raise RefusedInputError(f"{path} is a folder: give the path of a file in it.")
        if kind != stat.S_IFREG:
            what = "a symbolic link" if kind == stat.S_IFLNK else "a device, a pipe or a socket"
            raise RefusedInputError(
                f"{path} is {what}, and only a plain file is replaced: give the path of the "
                "file itself."
            )
        if os.path.lexists(path) and not overwrite:
            raise RefusedInputError(
                f"{path} exists and is kept: choose another path or ask for overwrite."
            )
        check_folder(path)
    except OSError as error:
        raise RefusedInputError(
            f"{path} cannot be written ({error.strerror}): choose another path."
        ) from None


def check_folder(path: Path) -> None:
    """Refuse a path in a folder that is absent or closed to writing, before any work is done for
    it."""
    if not path.parent.is_dir():
        raise RefusedInputError(
            f"there is no folder {path.parent} to write {path.name} in: create it or choose "
            "another path."
        )
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise RefusedInputError(
            f"the folder {path.parent} cannot be written to: choose another path for {path.name}."
        )


def remove_leftovers(folder: Path, name: str | None = None) -> None:
    """Remove what killed processes have left unfinished in a folder; what is still being written
    stays.

    Parameters
    ----------
    folder : Path
        Where to look.
    name : str, optional
        Of the file whose unfinished forms are meant; those of all files by default.
    """
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            match = UNFINISHED.fullmatch(entry.name) or OF_UNKNOWN.fullmatch(entry.name)
            belongs = (match is not None and name in (None, match["file"])) or (
                match and match["file"] == _short(str(name))
            )
            if match and belongs and not _has_writer(entry, match.groupdict()):
                with suppress(OSError):
                    Path(entry.path).unlink()


def _has_writer(entry: os.DirEntry[str], found: dict[str, str]) -> bool:
    if found.get("machine") != machine():
        return time.time() - entry.stat(follow_symlinks=False).st_mtime < ABANDONED
    process = int(found["process"])
    return entry.name in _held if process == os.getpid() else is_alive(process)


def is_alive(process: int) -> bool:
    """Tell whether a process of this machine, or container, has not ended; where that cannot be
    known it has not.

    Parameters
    ----------
    process : int
        Its number.
    """
    if os.name == "nt":
        return True  # there a signal 0 is none
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True  # somebody else's
    return True


def machine() -> str:
    """What tells the processes of this machine, or of this container, from those of others that
    share a folder."""
    with suppress(OSError):
        return _shortened(f"{socket.gethostname()} {Path('/proc/self/ns/pid').readlink()}")
    return _shortened(socket.gethostname())


def _shortened(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _short(name: str) -> str:
    return (
        name if len(os.fsencode(name)) <= LONGEST else hashlib.sha256(os.fsencode(name)).hexdigest()
    )


def _created(path: Path) -> Path:
    """An empty file that this process has made itself: no link that waits under its name is
    followed."""
    temporary = path.with_name(
        f".{_short(path.name)}.{machine()}-{os.getpid()}-{secrets.token_hex(6)}.part"
    )
    _held.add(temporary.name)  # before it is there, or another thread would take it for a leftover
    try:
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0)
        os.close(os.open(temporary, flags, 0o666))
    except OSError as error:
        _held.discard(temporary.name)
        raise unwritten(path, str(error.strerror)) from None
    return temporary


def _placed(temporary: Path, path: Path, overwrite: bool) -> None:
    """Give the file its name, once the disk has taken all of it."""
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    if not overwrite:
        try:
            # unlike a replacement it fails where another writer was faster
            os.link(temporary, path)
            return
        except FileExistsError:
            raise RefusedInputError(
                f"{path} exists and is kept: choose another path or ask for overwrite."
            ) from None
        except OSError:  # a file system without links
            check_target(path, overwrite=False)
    temporary.replace(path)


def _obstacle(temporary: Path) -> str:
    """Why the system takes no more of a file; empty if it does."""
    try:
        with temporary.open("ab") as file:
            file.write(bytes(PROBE))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return str(error.strerror)
    return ""


def unwritten(path: Path, reason: str) -> UnwrittenFileError:
    """Return the refusal of a file that could not be written.

    Parameters
    ----------
    path : Path
        Of the file.
    reason : str
        What the system says.
    """
    remedy = "make room, or choose a folder that you may write to; what was there before is kept"
    return UnwrittenFileError(f"{path} was not written ({reason}): {remedy}.")
