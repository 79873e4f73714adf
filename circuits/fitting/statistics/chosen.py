"""Which statistics a recording offers, and which are compared: sparsity, tuning, event rates and
similarity over time, by classes of lags."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from drift.observation.expected_maps import Lens
from drift.schema.labelled_form import RefusedInputError

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
LAG_CLASSES = 5

GROUPS = (
    "active_fraction",
    "spatial_information",
    "place_fields",
    "event_rate",
    "map_similarity",
    "population_similarity",
)
# tells apart what makes a unit active from what makes its tuning (Geva et al. 2023)
RATE_SIMILARITY = "rate_similarity"
OF_LAG = ("map_similarity", "population_similarity", RATE_SIMILARITY)
OFFERED = (*GROUPS, RATE_SIMILARITY)


class Statistics(NamedTuple):
    """Which statistics are compared.

    ``names`` and ``groups`` of each, its ``position`` among all statistics of the groups that
    occur, ``lags (class,)`` and the class of each pair of sessions ``lag_class (session,
    session)``.
    """

    names: tuple[str, ...]
    groups: tuple[str, ...]
    position: np.ndarray
    lags: np.ndarray
    lag_class: np.ndarray


def chosen_statistics(lens: Lens, choice: Sequence[str] = GROUPS) -> Statistics:
    """Return the statistics that a recording offers.

    Parameters
    ----------
    lens : Lens
        Of the recording.
    choice : sequence of str
        Of ``OFFERED``, or single statistics such as "active_fraction, of units"; similarity over
        time needs tracked units and is left out where there are none.

    Raises
    ------
    RefusedInputError
        If a choice is unknown or nothing is left.
    """
    lags, lag_class = _lag_classes(lens.elapsed, lens.comparable)
    if lens.halves is not None:
        lags, lag_class = _with_lag_zero(lags, lag_class)
    of_lag = [f"lag {lag:g}" for lag in lags] if lens.tracked else []
    entries = {
        "active_fraction": ("of units", "of responses"),
        "spatial_information": tuple(f"quantile {level:g}" for level in QUANTILES),
        "place_fields": ("number", "fraction of track"),
        "event_rate": ("mean", *(f"quantile {level:g}" for level in QUANTILES)),
        **{group: tuple(of_lag) for group in OF_LAG},
    }
    if isinstance(choice, str) or not all(isinstance(label, str) for label in choice) or not choice:
        raise RefusedInputError(
            f"statistics must be a list of names, got {choice!r}: choose of {', '.join(OFFERED)}."
        )
    offered = {f"{group}, {entry}": group for group in OFFERED for entry in entries[group]}
    unknown = [label for label in choice if label not in OFFERED and label not in offered]
    if unknown:
        raise RefusedInputError(
            f"statistics {', '.join(unknown)} are unknown: choose of {', '.join(OFFERED)}, or "
            f"of {'; '.join(offered)}."
        )
    groups = {group for name, group in offered.items() if group in choice or name in choice}
    computed = [name for name, group in offered.items() if group in groups]
    names = [name for name in computed if name in choice or offered[name] in choice]
    if not names:
        raise RefusedInputError(
            "no statistic is left: the units of this recording are not tracked, so choose "
            "others than similarities."
        )
    positions = np.array([computed.index(name) for name in names])
    return Statistics(
        tuple(names), tuple(offered[name] for name in names), positions, lags, lag_class
    )


def _lag_classes(
    elapsed: np.ndarray, comparable: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Mean lag of each class and the class of each pair of sessions; classes hold about equally
    many lags.

    The class is -1 on the diagonal and for pairs in different environments, which are not compared.
    """
    lag = np.round(np.abs(elapsed[:, np.newaxis] - elapsed), 9)
    paired = ~np.eye(elapsed.size, dtype=bool) & (True if comparable is None else comparable)
    distinct = np.unique(lag[paired])
    edges = (
        np.quantile(distinct, np.linspace(0, 1, min(LAG_CLASSES, distinct.size) + 1)[1:-1])
        if distinct.size > 1
        else []
    )
    number = np.where(paired, np.searchsorted(edges, lag, side="left"), -1)
    # classes without a pair do not count
    number = np.unique(number, return_inverse=True)[1].reshape(lag.shape) - 1
    return np.array(
        [
            np.abs(elapsed[:, np.newaxis] - elapsed)[number == class_index].mean()
            for class_index in range(number.max() + 1)
        ]
    ), number


def _with_lag_zero(lags: np.ndarray, lag_class: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Put a class in front that holds each session beside itself: its two halves."""
    later = np.where(lag_class >= 0, lag_class + 1, -1)
    return np.append(0.0, lags), np.where(np.eye(len(later), dtype=bool), 0, later)
