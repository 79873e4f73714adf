"""How much of the drift wrong matches of units would explain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from drift.door import opened
from drift.errors import RefusedInputError
from drift.plots.sessions import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HIGHEST = 1.5  # share of the drift, up to which it is drawn


@opened
def wrong_match_sensitivity(curve: xr.Dataset, ax: Axes, assumed: float | None = None) -> Axes:
    """Draw the share of the drift that wrong matches would explain against their rate.

    The thick line is the mean over subjects, each of which has a thin one; a broken line marks the
    whole drift, and a dot where each subject reaches it.

    Parameters
    ----------
    curve : xarray.Dataset
        Of ``metrics.wrong_matches``.
    ax : matplotlib Axes
    assumed : float, optional
        Rate of wrong matches that the program is believed to make, marked by a dotted line.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    RefusedInputError
        If nothing was lost that could be explained.
    """
    if "explained" not in curve or not bool(curve["explained"].notnull().any()):
        raise RefusedInputError(
            "a curve of wrong matches needs drift that they could explain, got none: pass the "
            "result of metrics.wrong_matches for subjects whose similarity is below 1."
        )
    rates = curve["wrong_match_rate"].values
    lost = curve.isel(
        subject=np.flatnonzero(curve["explained"].notnull().all("wrong_match_rate").values)
    )
    shares = lost["explained"].transpose("subject", "wrong_match_rate").values
    if len(shares) > 1:
        for number, share in enumerate(shares):
            label = "" if number else "one subject"
            ax.plot(rates, share, color="#999999", linewidth=0.7, label=label)
    ax.plot(rates, shares.mean(axis=0), color=COLOURS[0], linewidth=1.6, label="explained")
    ax.axhline(1, color="#000000", linestyle="--", linewidth=0.8, label="all of the drift")
    reached = lost["rate_explaining_all"].values
    reached = reached[reached <= rates.max()]
    ax.plot(reached, np.ones(reached.size), "o", color=COLOURS[1], markersize=4)
    if assumed is not None:
        ax.axvline(assumed, color=COLOURS[1], linestyle=":", label="believed rate")
    ax.set(xlabel="rate of wrong matches from session to session", ylabel="share of the drift")
    ax.set(xlim=(rates.min(), rates.max()), ylim=(0, HIGHEST))
    ax.legend(loc="best")
    return ax
