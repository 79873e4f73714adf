"""Downloads that end: bounded by the size and the checksum that are known beforehand, and by
time."""

from __future__ import annotations

import hashlib
import queue
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from drift.errors import RefusedInputError
from drift.files.atomic import replaced_atomically
from drift.progress import progress_bar

PATIENCE = 60.0  # seconds that any file may take, and that a server may be silent
SLOWEST = 20_000  # bytes per second; a line that gives less is given up
LARGEST = 1 << 30  # bytes of a file whose size is not known
PIECE = 1 << 14  # bytes


def download(
    url: str, path: Path, size: int | None, checksum: str, *, progress: bool = True
) -> None:
    """Write what an address gives to a file, if it is what is known of it.

    Parameters
    ----------
    url : str
        Where the file is to be had.
    path : Path
        Where it goes; its folder is made.
    size : int, optional
        Bytes that it has; no more are taken, and no longer is waited than a slow line needs for
        them. Where it is not known, no more than a gibibyte.
    checksum : str
        Of the content, as ``algorithm:digits`` or ``algorithm digits``.
    progress : bool
        Show a bar.

    Raises
    ------
    RefusedInputError
        If the content differs or does not arrive, or the file cannot be written; then nothing is
        left of it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RefusedInputError(
            f"the folder {path.parent} cannot be made ({error.strerror}): choose another."
        ) from None
    algorithm, digits = checksum.replace(":", " ").split()
    digest, received, most = hashlib.new(algorithm), 0, LARGEST if size is None else size
    bar = progress_bar(total=size, unit="B", unit_scale=True, disable=not progress, desc=path.name)
    with bar, replaced_atomically(path) as temporary, temporary.open("wb") as file:
        for piece in _pieces(url, PATIENCE + most / SLOWEST):
            received += len(piece)
            _check(url, received <= most, f"{most} bytes, got more")
            digest.update(piece)
            file.write(piece)
            bar.update(len(piece))
        _check(url, size in (None, received), f"{size} bytes, got {received}")
        _check(url, digest.hexdigest() == digits, f"{checksum}, got {digest.hexdigest()}")


def _check(url: str, fits: bool, fault: str) -> None:
    if not fits:
        raise RefusedInputError(
            f"{url} was expected to give {fault}: the source has changed or the download "
            "broke off, try again later."
        )


def _pieces(url: str, seconds: float) -> Iterator[bytes]:
    """What a server sends, piece by piece; a thread waits for it, since a server that drips can
    hold any reader for ever."""
    arriving: queue.Queue[bytes | Exception] = queue.Queue(maxsize=64)
    given_up, deadline = threading.Event(), time.monotonic() + seconds
    threading.Thread(target=_receive, args=(url, arriving, given_up), daemon=True).start()
    try:
        while True:
            piece = arriving.get(timeout=max(deadline - time.monotonic(), 0.001))
            if isinstance(piece, Exception):
                reason = " ".join(str(piece).split()).rstrip(".")
                raise RefusedInputError(
                    f"{url} was expected to give a file, got: {reason}; try again, files "
                    "already there are kept."
                )
            if not piece:
                return
            yield piece
    except queue.Empty:
        raise RefusedInputError(
            f"{url} has not given all of a file in {seconds:.0f} s: try again on a faster line."
        ) from None
    finally:
        given_up.set()


def _receive(url: str, arriving: queue.Queue[bytes | Exception], given_up: threading.Event) -> None:
    import requests

    try:
        with requests.get(url, stream=True, timeout=PATIENCE) as answer:
            answer.raise_for_status()
            for piece in answer.iter_content(PIECE):
                if not _handed_over(piece, arriving, given_up):
                    return
        _handed_over(b"", arriving, given_up)
    except Exception as error:  # whatever a network leads to
        _handed_over(error, arriving, given_up)


def _handed_over(
    piece: bytes | Exception, arriving: queue.Queue[bytes | Exception], given_up: threading.Event
) -> bool:
    while not given_up.is_set():
        try:
            arriving.put(piece, timeout=1.0)
            return True
        except queue.Full:
            continue
    return False
