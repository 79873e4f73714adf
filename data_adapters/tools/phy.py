"""phy and Kilosort: spikes of sorted clusters.

``spike_times.npy`` holds samples since the beginning of the recording, ``spike_clusters.npy`` (else
``spike_templates.npy``) the cluster of each spike, ``params.py`` a line ``sample_rate = 30000.``,
which is read and not run. Clusters that were judged ``good`` count: by hand
(``cluster_group.tsv``, ``cluster_info.tsv``), else by the sorter (``KSLabel``).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from data_adapters.acceptance import BAD, GOOD, UNDECIDED, accepted_units
from data_adapters.assembly.assembling import assembled
from data_adapters.assembly.cells import Cells
from data_adapters.assembly.folders import Place, dated, named_places
from data_adapters.files.arrays import read_npy
from data_adapters.files.limits import refuse_absurd
from data_adapters.files.regular import regular
from data_adapters.files.tables import column, read_table
from data_adapters.files.wording import brief, listed
from data_adapters.session import integers
from data_adapters.statements import stated
from drift.door import opened
from drift.schema.labelled_form import RefusedInputError

SOURCE = "phy"
STRUCTURAL = re.compile(r"phy|(kilosort|ks)[\d._]*|sorter_output|sorting|.*imec\d+", re.IGNORECASE)
TABLES = ("cluster_info", "cluster_group", "cluster_groups", "cluster_KSLabel")
JUDGED = ("group", "KSLabel", "quality")


@opened
def sessions(
    path: str | Path, sample_rate: float | None = None, **statements: Any
) -> Iterator[xr.Dataset]:
    """One session Dataset for each folder of phy, by animal and day.

    Parameters
    ----------
    path : str or pathlib.Path
        A folder with ``spike_times.npy``, the folder of one animal (a folder a session), or of
        several animals.
    sample_rate : float or None
        Samples of the electrodes per second, Hz; None: what ``params.py`` says.
    **statements
        See ``data_adapters.statements.Statements``. Spikes are counted in the samples of
        ``track``; the recording begins at ``start`` on its clock.

    Returns
    -------
    iterator of xarray.Dataset
        Units are numbered in the order of clusters, and labelled by them.

    Raises
    ------
    RefusedInputError
        If a file is missing, damaged, or does not fit the others.
    """
    said = stated(statements)
    session_places = named_places(
        path, holds, STRUCTURAL, "folders of phy (spike_times.npy)", said.folders
    )
    read = partial(_cells, sample_rate=sample_rate, keep_rejected=said.keep_rejected)
    return assembled(dated(session_places, said.elapsed), read, said)


def holds(folder: Path) -> bool:
    """Tell whether it is a folder of phy."""
    return (folder / "spike_times.npy").is_file()


def _cells(place: Place, sample_rate: float | None, keep_rejected: bool) -> Cells:
    folder = place.folder
    rate = _rate(folder) if sample_rate is None else _said_rate(sample_rate)
    samples, cluster = _spikes(folder)
    numbers, spikes_of = np.unique(cluster, return_counts=True)
    accepted, note = _accepted(folder, numbers, keep_rejected)
    seconds = samples[_by_cluster(cluster)] / rate
    trains = np.split(seconds, np.cumsum(spikes_of)[:-1])
    return Cells(
        rows=np.flatnonzero(accepted),
        counted=numbers.size,
        numbers=numbers,
        trains=[train for train, good in zip(trains, accepted, strict=True) if good],
        last_spike=float(samples.max() / rate),
        spikes=samples.size,
        labels=[f"cluster {number}" for number in numbers[accepted]],
        events_are="counts",
        notes=(note,),
        source=SOURCE,
    )


def _by_cluster(cluster: NDArray[np.int64]) -> NDArray[np.int64]:
    """Order of the spikes by cluster, in time within each; small numbers are sorted faster."""
    small = cluster.min() >= 0 and cluster.max() < 2**16
    return np.argsort(cluster.astype(np.uint16) if small else cluster, kind="stable")


def _spikes(folder: Path) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Samples and clusters of all spikes."""
    name = next(
        (
            name
            for name in ("spike_clusters", "spike_templates")
            if (folder / f"{name}.npy").is_file()
        ),
        None,
    )
    if name is None:
        raise RefusedInputError(
            f"{folder} was expected to hold spike_clusters.npy or spike_templates.npy, got "
            "neither: copy the whole folder."
        )
    samples, cluster = (
        _whole(read_npy(folder / f"{file}.npy"), folder / f"{file}.npy")
        for file in ("spike_times", name)
    )
    if samples.size != cluster.size or not samples.size:
        raise RefusedInputError(
            f"{folder} was expected to hold a cluster for each of {samples.size} spikes, got "
            f"{cluster.size}: copy the whole folder again."
        )
    if (samples < 0).any():
        raise RefusedInputError(
            f"spike_times.npy in {folder} was expected not negative, got {samples.min()}: correct "
            "it."
        )
    return samples, cluster


def _whole(values: NDArray[Any], file: Path) -> NDArray[np.int64]:
    if values.size != max(values.shape, default=0) or values.dtype.kind not in "iuf":
        raise RefusedInputError(
            f"{file} was expected to hold a number for each spike, got shape {values.shape} of "
            f"{values.dtype}: give the file that the sorter wrote."
        )
    flat = values.ravel()
    if flat.dtype.kind == "f" or (flat.dtype == np.uint64 and (flat > 2**53).any()):
        return integers(flat, str(file))
    return flat.astype(np.int64)


def _rate(folder: Path) -> float:
    """``sample_rate`` of ``params.py``; the file is not run."""
    file = folder / "params.py"
    if not file.is_file():
        raise RefusedInputError(
            f"{folder} was expected to hold params.py with sample_rate, got no such file: say "
            "sample_rate= (Hz)."
        )
    refuse_absurd((regular(file).stat().st_size,), 4096, str(file))
    for line in file.read_text(errors="replace").splitlines():
        name, equals, text = line.partition("=")
        if equals and name.strip() == "sample_rate":
            try:
                rate = ast.literal_eval(text.split("#")[0].strip())
            except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
                rate = None
            if _is_rate(rate):
                return float(rate)
            raise RefusedInputError(
                f"sample_rate in {file} was expected to be a number from 1 to 1e9, got "
                f"{brief(text.strip())}: say sample_rate= (Hz)."
            )
    raise RefusedInputError(
        f"{file} was expected to hold a line sample_rate = ..., got none: say sample_rate= (Hz)."
    )


def _said_rate(sample_rate: float) -> float:
    if not _is_rate(sample_rate):
        raise RefusedInputError(
            f"sample_rate was expected to be a number from 1 to 1e9 (Hz), got {brief(sample_rate)}:"
            " say how often the electrodes were sampled."
        )
    return float(sample_rate)


def _is_rate(rate: object) -> bool:
    return isinstance(rate, int | float) and not isinstance(rate, bool) and 1 <= rate <= 1e9


def _accepted(
    folder: Path, numbers: NDArray[np.int64], keep_rejected: bool
) -> tuple[NDArray[np.bool_], str]:
    """Which clusters were judged good, by hand or else by the sorter."""
    if keep_rejected:
        return np.ones(numbers.size, dtype=bool), ""
    words: dict[str, NDArray[Any]] = {}
    for name in TABLES:
        for file in (folder / f"{name}.tsv", folder / f"{name}.csv"):
            if file.is_file():
                words = _labels(file, numbers) | words
    every = {word for column in words.values() for word in _words(column)}
    if not every - set(UNDECIDED):
        return np.ones(numbers.size, dtype=bool), "no cluster was judged: all of them count"
    return accepted_units(words, numbers.size, f"the clusters in {folder}")


def _labels(file: Path, numbers: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """Words of each cluster by the column of the table; empty where a cluster is not named."""
    table = read_table(file, may_be_empty=True)
    identity = next((name for name in ("cluster_id", "id") if name in table.columns), None)
    if identity is None:
        raise RefusedInputError(
            f"{file} was expected to hold a column cluster_id, got {listed(table.columns)}: "
            "give the file that phy wrote."
        )
    own = integers(column(table, identity, file), f"{identity} in {file}")
    if own.size and not np.isin(own, numbers).any():
        raise RefusedInputError(
            f"{file} was expected to name clusters of spike_clusters.npy ({numbers[0]} to "
            f"{numbers[-1]}), got {own.min()} to {own.max()}: give the table of this recording."
        )
    table = table.assign(**{identity: own}).drop_duplicates(identity, keep="last")
    columns = [name for name in JUDGED if name in table.columns]
    judged = table.set_index(identity)[columns].reindex(numbers)
    # as objects: a column without words is one of numbers
    filled = judged.astype(object).where(judged.notna(), "").astype(str)
    words = {name: filled[name].to_numpy(dtype=object) for name in columns}
    for name in columns:
        _refuse_unknown(words[name], name, file)
    return words


def _refuse_unknown(column_words: NDArray[Any], name: str, file: Path) -> None:
    """Refuse labels of which none is a word that phy or a sorter writes."""
    words = {word for word in _words(column_words) if word}
    if words and not words & {*GOOD[:8], *BAD, *UNDECIDED[1:-3]}:
        raise RefusedInputError(
            f"{name} in {file} was expected to hold words such as good, mua and noise, got "
            f"{listed(sorted(words))}: write these, or say keep_rejected=true if all count."
        )


def _words(column_words: NDArray[Any]) -> list[str]:
    return [str(word).strip().casefold() for word in column_words.tolist()]
