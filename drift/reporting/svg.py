"""Figures as inline SVG that follows the page: its text is text, its colours are variables of the
page, its ids are its own."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Colours of the drawing to variables of page.css, which has them for light and dark.
VARIABLES = {
    "#000000": "currentColor",
    "#ffffff": "var(--paper)",
    "#0072b2": "var(--blue)",
    "#d55e00": "var(--orange)",
    "#009e73": "var(--green)",
    "#595959": "var(--soft)",
    "#cccccc": "var(--faint)",
    "#e6e6e6": "var(--band)",
}
# Fonts of other systems are narrower than the one that the layout was made with, so that labels
# keep their room.
SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "repdrift",
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "axes.titlesize": 9.5,
    "axes.labelsize": 9.5,
    "xtick.labelsize": 9.0,
    "ytick.labelsize": 9.0,
    "legend.fontsize": 9.0,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.formatter.use_mathtext": False,
    "axes.unicode_minus": True,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "text.usetex": False,
    "text.parse_math": False,
}


@contextmanager
def own_settings() -> Iterator[None]:
    """Draw by the defaults of matplotlib and ``SETTINGS``, whatever the user has set; his settings
    come back afterwards."""
    from matplotlib import rc_context, rcdefaults, rcParams

    with rc_context():
        rcdefaults()
        rcParams.update(SETTINGS)
        yield


def inline_svg(figure: Figure, name: str, description: str) -> str:
    """Return a matplotlib figure as an ``svg`` element.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Drawn under ``own_settings``, in colours of ``VARIABLES``.
    name : str
        Goes before each of its ids, so that figures of one page share none.
    description : str
        What is to be seen, for those who cannot see it.

    Returns
    -------
    str
        The same for the same figure.
    """
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    written = io.StringIO()
    with own_settings():
        # Figure.savefig would lay out and draw everything twice.
        FigureCanvasSVG(figure).print_svg(
            written, metadata={"Date": None, "Creator": None, "Type": None, "Format": None}
        )
    text = written.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)  # repeats the text of labels
    text = _own_ids(text, name)
    text = re.sub(r"#[0-9a-f]{6}\b", lambda colour: VARIABLES.get(colour[0], colour[0]), text)
    text = re.sub(r"font:\s*([\d.]+px)[^;\"]*", r"font-size: \1", text)
    text = re.sub(r"font-family:[^;\"]*;?", "", text)
    box = re.search(r'viewBox="[^"]*"', text)
    head = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'{box[0] if box else ""} role="img" '
    )
    return re.sub(
        r"<svg[^>]*>", lambda _: f'{head}aria-label="{escape(description)}">', text, count=1
    ).strip()


def _own_ids(text: str, name: str) -> str:
    """Put the name of the figure before its ids and what refers to them."""
    text = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', text)
    text = re.sub(r'href="#([^"]+)"', rf'href="#{name}-\1"', text)
    return re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", text)
