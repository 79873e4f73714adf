"""Which mechanism: posteriors of a recording, and from which designs mechanisms can be told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from drift.door import opened
from drift.errors import RefusedInputError
from drift.plots.drawn import refuse_other_result
from drift.plots.sessions import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@opened
def mechanism_posterior(answer: xr.Dataset, ax: Axes, subject: str | None = None) -> Axes:
    """Draw how probable each mechanism is, given a recording.

    Filled bars are the mechanisms of the answer, hollow ones all others; the broken line is the
    posterior from which on a mechanism is named.

    Parameters
    ----------
    answer : xarray.Dataset
        Of ``drift.infer``.
    ax : matplotlib Axes
    subject : str, optional
        Label of one animal; the first by default.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    RefusedInputError
        If it is another Dataset, or there is no such animal.
    """
    dims = ("subject", "mechanism")
    refuse_other_result(answer, "infer", probability=dims, remains=dims)
    labels = [str(label) for label in answer["subject"].values]
    if subject is not None and subject not in labels:
        raise RefusedInputError(
            f"subject must be one of {', '.join(labels)}, got {subject!r}: choose one."
        )
    own = answer.isel(subject=0 if subject is None else labels.index(subject))
    remains = own["remains"].values == 1
    rows = np.arange(own.sizes["mechanism"])[::-1]
    faces = [COLOURS[0] if inside else "none" for inside in remains]
    ax.barh(rows, own["probability"].values, color=faces, edgecolor=COLOURS[0], linewidth=0.8)
    ax.axvline(answer.attrs["named_from"], color="#595959", linestyle="--", linewidth=0.8)
    ax.set_yticks(rows, own["mechanism"].values.astype(str))
    ax.set(xlim=(0, 1), xlabel="posterior probability")
    return ax


@opened
def identifiability_map(bank: xr.Dataset, ax: Axes, days: float | None = None) -> Axes:
    """Draw the expected posterior of the true mechanism, by the design of the recording: rows are
    mechanisms, columns classes of cells and, within them, of sessions.

    Parameters
    ----------
    bank : xarray.Dataset
        Of ``repdrift infer --make-bank``.
    ax : matplotlib Axes
    days : float, optional
        Least span of the recordings, one of the coordinate ``days``; of any span by default.

    Returns
    -------
    matplotlib Axes
        White where there are too few simulated windows.

    Raises
    ------
    RefusedInputError
        If it is another Dataset, or has no such class of days.
    """
    dims = ("mechanism", "cells", "sessions")
    refuse_other_result(bank, "repdrift infer --make-bank", expected_at_any_time=dims)
    expected = _expected(bank, days).transpose(*dims)
    if expected.notnull().any():
        expected = expected.dropna("cells", how="all")
    values = expected.values.reshape(expected.sizes["mechanism"], -1)
    drawn = ax.imshow(values, vmin=0, vmax=1, cmap="viridis", aspect="auto")
    sessions = expected["sessions"].values
    columns = [f"{number}+" for _cells in expected["cells"].values for number in sessions]
    ax.set_xticks(np.arange(len(columns)), columns)
    ax.set_yticks(np.arange(len(values)), expected["mechanism"].values.astype(str))
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            dark = "white" if value < 0.6 else "black"
            ax.text(column, row, f"{value:.2f}", ha="center", va="center", color=dark, fontsize=5)
    for place, number in enumerate(expected["cells"].values):
        middle = (place + 0.5) * len(sessions) - 0.5
        ax.text(middle, -0.75, f"{number}+ cells", ha="center", va="bottom", fontsize=6)
        ax.axvline(place * len(sessions) - 0.5, color="white", linewidth=1.5)
    ax.set_xlabel("sessions")
    ax.figure.colorbar(drawn, ax=ax, label="expected posterior of the truth")
    return ax


def _expected(bank: xr.Dataset, days: float | None) -> xr.DataArray:
    """(mechanism, cells, sessions) of one class of days, or of all."""
    if days is None:
        return bank["expected_at_any_time"]
    classes = bank["days"].values
    if not np.isclose(classes, days).any():
        raise RefusedInputError(
            f"days must be one of {', '.join(f'{least:g}' for least in classes)}, got {days!r}: "
            "choose one of these classes, or leave it out for all spans."
        )
    return bank["expected_posterior"].sel(days=days, method="nearest")
