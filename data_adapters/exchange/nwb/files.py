"""Files of sessions: which ones lie in a folder, whose they are, and when they were begun."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from data_adapters.assembly.folders import Place
from data_adapters.exchange.nwb import zarr_stores
from data_adapters.exchange.nwb.identity import identities
from data_adapters.exchange.nwb.written import written_labels
from data_adapters.exchange.nwb_format import package, quietly
from data_adapters.files.regular import regular
from data_adapters.options import existing, one_line
from drift.files.own_content import check_own_content
from drift.schema.labelled_form import RefusedInputError

MOST = 100_000  # files that are looked through
LONGEST = 300  # letters of what a library says


class Recording(NamedTuple):
    """File of one session, whose it is, when it began, what ``to_nwb`` wrote of it, and who its
    units are across files."""

    path: Path
    subject: str
    start: datetime
    labels: dict[str, Any]
    identities: dict[str, frozenset[str]]

    @property
    def order(self) -> tuple[str, datetime, int]:
        """By subject and start; by number where to_nwb wrote one, since sessions may begin
        together."""
        return self.subject, self.start, self.labels.get("session", 0)


def recordings(path: str | Path, identity: str | None) -> list[Recording]:
    """Sessions of a file, or of all files below a folder, by subject and start.

    Raises
    ------
    RefusedInputError
        If there is none, or one is damaged.
    """
    root = existing(path)
    package()
    files = [root] if _is_session(root) or not root.is_dir() else list(_below(root))
    if not files:
        raise RefusedInputError(
            f"files named *.nwb were expected in {path}, got none: check the folder."
        )
    return sorted((_begun(file, identity) for file in files), key=lambda begun: begun.order)


def places(begun: Sequence[Recording], root: Path, elapsed: Sequence[float] | None) -> list[Place]:
    """Where recordings lie, numbered within each subject.

    Raises
    ------
    RefusedInputError
        If ``elapsed`` does not name a day for each session of a subject.
    """
    session_places = []
    for recording in begun:
        own = [sibling for sibling in begun if sibling.subject == recording.subject]
        number = own.index(recording)
        if elapsed is not None and len(elapsed) != len(own):
            raise RefusedInputError(
                f"elapsed was expected to name {len(own)} days for the sessions of "
                f"{recording.subject}, got {len(elapsed)}: give one each."
            )
        days = (recording.start - own[0].start).total_seconds() / 86400
        name = recording.path.name.removesuffix(".zarr").removesuffix(".nwb")
        session_places.append(
            Place(
                folder=recording.path,
                top=recording.path.with_name(name or recording.path.name),
                root=root,
                subject=recording.subject,
                label=name,
                recording=name,
                number=number + 1,
                elapsed=days if elapsed is None else float(elapsed[number]),
            )
        )
    return session_places


@contextmanager
def opened_content(path: Path) -> Iterator[Any]:
    """The content of a file while it is open; whatever a damaged file makes the reader raise
    becomes one sentence."""
    try:
        with quietly(), _source(path) as source:
            yield source.read()
    except RefusedInputError:
        raise
    except Exception as error:  # h5py, hdmf and pynwb raise nearly anything
        raise RefusedInputError(
            f"{path} was expected to be a whole NWB file, got: {_reason(error)}; copy it again."
        ) from error


def _reason(error: Exception) -> str:
    """What a library says, or the end of it where it repeats the content of the file before."""
    text = one_line(error) or type(error).__name__
    return text if len(text) <= LONGEST else f"... {text[-LONGEST:]}"


def _source(path: Path) -> Any:
    if path.is_dir():
        return zarr_stores.opened_store(path)
    check_own_content(regular(path))
    return package().NWBHDF5IO(str(path), "r")


def _is_session(path: Path) -> bool:
    """Whether a path is named as a session: a file, or a folder that zarr wrote."""
    name = path.name.casefold()
    if path.is_dir():
        return name.endswith((".nwb.zarr", ".nwb")) or zarr_stores.is_store(path)
    return name.endswith(".nwb") and not name.startswith(".")


def _below(root: Path) -> Iterator[Path]:
    """Files of sessions in a folder and the folders in it, as archives lay them (``sub-*/``)."""
    looked = 0
    for home, folders, names in os.walk(root):
        stores = [name for name in folders if _is_session(Path(home, name))]
        folders[:] = sorted(
            name for name in folders if name not in stores and not name.startswith(".")
        )
        looked += len(names) + len(folders)
        if looked > MOST:
            raise RefusedInputError(
                f"{root} was expected to hold sessions, got more than {MOST} files to look "
                "through: give the folder of the recordings."
            )
        yield from sorted(
            existing(Path(home, name))
            for name in (*stores, *names)
            if _is_session(Path(home, name))
        )


def _begun(path: Path, identity: str | None) -> Recording:
    with opened_content(path) as content:
        labels = written_labels(content)
        subject = labels.get("subject") or (
            None if content.subject is None else content.subject.subject_id
        )
        return Recording(
            path,
            str(subject or path.name.removesuffix(".zarr").removesuffix(".nwb")),
            content.session_start_time,
            labels,
            identities(content, identity, path),
        )
