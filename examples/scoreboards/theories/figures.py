"""One figure a row: its numbers beside what theory says, from the rows that are kept."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from scoreboards.acceptance import Check
from scoreboards.scoreboard import Measured

STYLE = {"font.size": 8, "axes.spines.top": False, "axes.spines.right": False}
TITLES = {
    "N01": "drift by single samples",
    "N02": "irrelevant inputs",
    "N02b": "synaptic noise",
    "N03": "dropout of linear units",
    "N04": "excitability: active sets",
    "N04b": "excitability: stability",
}


def drawn(rows: Mapping[str, Measured], out: Path) -> list[Path]:
    """Draw every row that is kept, and return the files."""
    paths = []
    with plt.rc_context(STYLE):
        for name in TITLES:
            if name not in rows:
                continue
            checks = rows[name].checks
            figure, axes = plt.subplots(figsize=(4.6, 0.8 + 0.32 * len(checks)))
            draw(axes, checks)
            axes.set_title(f"{name}: {TITLES[name]}", loc="left")
            figure.tight_layout()
            paths.append(out / f"figure_{name}.png")
            figure.savefig(paths[-1], dpi=160)
            plt.close(figure)
    return paths


def draw(axes: Axes, checks: list[Check]) -> None:
    """Ours as filled, theory as open circles, what is allowed as a bar; one line a number."""
    for line, check in enumerate(checks):
        ends = np.array([check.low, check.high])
        finite = np.where(np.isfinite(ends), ends, [min(check.ours, check.published)] * 2)
        axes.plot(finite, [line, line], color="0.8", linewidth=6, solid_capstyle="butt")
        axes.plot(check.published, line, "o", color="black", markerfacecolor="white")
        axes.plot(check.ours, line, "o", color="0.25", markersize=4)
    axes.set_yticks(range(len(checks)), [check.what for check in checks])
    axes.invert_yaxis()
    axes.set_xlabel("value: open theory, filled ours, bar what is allowed")
