"""What all widgets share: ipywidgets, if it is there, and a matplotlib figure as the picture of a
widget."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from drift.errors import RefusedInputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH = "720px"


def ipywidgets() -> Any:
    """Return the package ipywidgets.

    Raises
    ------
    RefusedInputError
        If it is not installed.
    """
    try:
        import ipywidgets
    except ImportError:
        raise RefusedInputError(
            "widgets need ipywidgets, which is not installed: pip install 'repdrift[notebook]'."
        ) from None
    return ipywidgets


def empty_figure(width: float, height: float) -> Figure:
    """Return a figure that belongs to no window, so that no notebook shows it twice and nothing has
    to close it."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained", dpi=110)


def picture(figure: Figure) -> bytes:
    """Return the figure as a PNG image."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", facecolor="white")
    return buffer.getvalue()


def show(frame: Any, figure: Figure) -> None:
    """Put the figure into the image of a widget; the layout stays as the first drawing has found
    it, which saves half the time."""
    frame.value = picture(figure)
    figure.set_layout_engine("none")
