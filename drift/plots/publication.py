"""Figures for print: widths of journals in millimetres, text that is as large as that of a paper,
fonts that travel with the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

from drift.door import opened
from drift.door.quantities import Range

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Millimetres = Annotated[float, Range(1, 10_000)]
"""Width or height of a figure."""

INCH = 25.4  # mm
COLUMN, PAGE = 85.0, 180.0  # mm, widths of one and of two columns
# TrueType fonts are embedded whole, and text of SVG stays text: both can be edited.
SETTINGS: dict[Any, Any] = {
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
    "svg.fonttype": "none",
    "svg.hashsalt": "repdrift",
    "savefig.dpi": 600,
    "font.family": "DejaVu Sans",
    "font.size": 7.0,
    "axes.titlesize": 7.0,
    "axes.labelsize": 7.0,
    "xtick.labelsize": 6.0,
    "ytick.labelsize": 6.0,
    "legend.fontsize": 6.0,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "hatch.linewidth": 0.5,
    "axes.titlepad": 3.0,
    "axes.labelpad": 2.0,
    "axes.formatter.use_mathtext": False,
    "axes.unicode_minus": True,
    "text.usetex": False,
    "text.parse_math": False,
}


@opened
@contextmanager
def publication_settings() -> Iterator[None]:
    """Draw by the defaults of matplotlib and ``SETTINGS``, whatever the user has set; his settings
    come back afterwards."""
    from matplotlib import rc_context, rcdefaults, rcParams

    with rc_context():
        rcdefaults()
        rcParams.update(SETTINGS)
        yield


@opened
def sheet(width: Millimetres, height: Millimetres) -> Figure:
    """Return an empty figure.

    Parameters
    ----------
    width, height : float
        In mm, text and all.
    """
    from matplotlib.figure import Figure

    return Figure(figsize=(width / INCH, height / INCH), layout="constrained")
