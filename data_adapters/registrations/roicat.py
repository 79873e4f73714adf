"""ROICaT: regions of interest clustered over sessions (Nguyen et al., doi
10.5281/zenodo.15557421).

``*.tracking.results_clusters.json`` holds ``labels_bySession``: of each session a list with the
cluster of each region, in the order of suite2p's ``stat.npy`` (from 0, before ``iscell``), -1
where a region belongs to none; and ``quality_metrics`` with the silhouette of each cluster.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_adapters.files.limits import refuse_absurd
from data_adapters.files.regular import regular
from data_adapters.files.wording import brief
from data_adapters.options import one_line
from data_adapters.registrations.cell_map import Cells, Registration
from data_adapters.session import integers
from drift.schema.labelled_form import RefusedInputError

LABELS = "labels_bySession"


def read_roicat(path: Path, base: int | None, cells: Cells) -> Registration:
    """Registration that ROICaT wrote."""
    content = _content(path)
    labels = [
        _clusters(of_session, f"session {number} of {LABELS} in {path}")
        for number, of_session in enumerate(content[LABELS], start=1)
    ]
    clusters = sorted({label for of_session in labels for label in of_session.tolist()} - {-1})
    cell_map = np.full((len(clusters), len(labels)), np.nan)
    for session, of_session in enumerate(labels):
        _refuse_twice(of_session, session + 1, path)
        region = np.flatnonzero(of_session >= 0)
        cell_map[np.searchsorted(clusters, of_session[region]), session] = region
    confidence = _silhouettes(content, clusters, path)
    return Registration(cell_map, f"{LABELS} in {path}", 0, cells, confidence)


def _clusters(of_session: list[Any], what: str) -> NDArray[np.int64]:
    """Cluster of each region, -1 where it belongs to none."""
    wrong = [label for label in of_session if not _is_number(label) or not -1 <= label < 2**53]
    if wrong:
        raise RefusedInputError(
            f"{what} was expected to hold the number of a cluster for each region, from 0, or -1, "
            f"got {brief(wrong[0])}: give the file that ROICaT wrote."
        )
    return integers(np.asarray(of_session), what)


def _is_number(entry: Any) -> bool:
    return isinstance(entry, int | float) and not isinstance(entry, bool)


def _content(path: Path) -> dict[str, Any]:
    refuse_absurd((regular(path).stat().st_size,), 8, str(path))
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise RefusedInputError(
            f"{path} was expected to be a whole JSON file, got: {one_line(error)}; copy it again."
        ) from error
    if not isinstance(content, dict):
        content = {}
    content = content.get("clusters", content) if LABELS not in content else content
    labels = content.get(LABELS) if isinstance(content, dict) else None
    if (
        not isinstance(labels, list)
        or not labels
        or not all(isinstance(of_session, list) and of_session for of_session in labels)
    ):
        raise RefusedInputError(
            f"{path} was expected to hold {LABELS}, a list of cluster numbers for each session, "
            "got none: give ROICaT's results_clusters file."
        )
    return content


def _refuse_twice(labels: NDArray[np.int64], session: int, path: Path) -> None:
    clusters, times = np.unique(labels[labels >= 0], return_counts=True)
    if (times > 1).any():
        cluster = clusters[np.argmax(times)]
        first, second = np.flatnonzero(labels == cluster)[:2]
        raise RefusedInputError(
            f"{LABELS} in {path} was expected to name each cluster once a session, got regions "
            f"{first} and {second} of session {session} in cluster {cluster}: correct it."
        )


def _silhouettes(
    content: dict[str, Any], clusters: list[int], path: Path
) -> NDArray[np.float64] | None:
    """Silhouette of each cluster brought from (-1, 1) to (0, 1), where the file has them."""
    metrics = content.get("quality_metrics")
    if not isinstance(metrics, dict):
        return None
    labels, scores = metrics.get("cluster_labels_unique"), metrics.get("cluster_silhouette")
    if not isinstance(labels, list) or not isinstance(scores, list) or len(labels) != len(scores):
        return None
    if wrong := [label for label in labels if not _is_number(label) or not -1 <= label < 2**53]:
        raise _no_metric(path, "cluster_labels_unique", "numbers of clusters", wrong[0])
    # NaN where a cluster is of one region
    if wrong := [score for score in scores if not _is_number(score) or abs(score) > 1]:
        raise _no_metric(path, "cluster_silhouette", "numbers from -1 to 1", wrong[0])
    by_cluster = {int(label): float(score) for label, score in zip(labels, scores, strict=True)}
    return np.array([(by_cluster.get(cluster, np.nan) + 1) / 2 for cluster in clusters])


def _no_metric(path: Path, name: str, wanted: str, got: Any) -> RefusedInputError:
    return RefusedInputError(
        f"{name} in {path} was expected to hold {wanted}, got {brief(got)}: give the file that "
        "ROICaT wrote, or leave quality_metrics out."
    )
