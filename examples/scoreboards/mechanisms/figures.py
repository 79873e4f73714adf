"""How certain answers are, drawn: ranks and regions of parameters, probabilities of mechanisms, and
p values of being unlike."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from drift.inference.calibration import LEVELS, Certainty, Coverage

STYLE = {"font.size": 8, "axes.spines.top": False, "axes.spines.right": False}
WIDTH = 1.36  # largest deviation of a uniform sample, times the root of its size, at .95


def of_parameters(told: Coverage, path: Path) -> None:
    """Draw how far the ranks of true parameters are from uniform, and how often regions around
    random points hold all of them."""
    with plt.rc_context(STYLE):
        figure, (ranks, regions) = plt.subplots(1, 2, figsize=(6.4, 2.6))
        for own in told.ranks:
            _deviation(ranks, own, "0.6")
        for edge in (-WIDTH, WIDTH):  # what 95 % of uniform samples stay within
            ranks.axhline(edge, color="black", linestyle="--", linewidth=0.8)
        ranks.set(
            xlabel="rank of the truth among draws", ylabel="(share of runs below, less rank) √runs"
        )
        ranks.set_title("each parameter of each mechanism", loc="left")
        regions.plot([0, 1], [0, 1], color="0.6", linestyle="--", linewidth=0.8)
        regions.plot(LEVELS, told.tarp, "o-", color="black", markersize=3, linewidth=0.8)
        regions.set(
            xlabel="credibility", ylabel="share of windows covered", xlim=(0, 1), ylim=(0, 1)
        )
        regions.set_title("all parameters together", loc="left")
        _saved(figure, path)


def of_mechanisms(told: Certainty, windows_of_a_run: int, path: Path) -> None:
    """Draw how often the most probable mechanism is true, against its probability; bars are two
    standard errors of as many independent cases as there are runs."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(3.4, 3.0))
        mean, right, windows = told.curve.T
        error = 2 * np.sqrt(right * (1 - right) / np.maximum(windows / windows_of_a_run, 1))
        axes.plot([0, 1], [0, 1], color="0.6", linestyle="--", linewidth=0.8)
        axes.errorbar(mean, right, error, fmt="o", color="black", markersize=3, linewidth=0.8)
        for x, y, count in zip(mean, right, windows):
            axes.annotate(f"{count:.0f}", (x, y), (4, -9), textcoords="offset points", fontsize=6)
        axes.set(
            xlabel="posterior of the most probable mechanism", ylabel="share of windows it is true in",
            xlim=(0, 1), ylim=(0, 1),
        )  # fmt: skip
        _saved(figure, path)


def of_novelty(p_values: np.ndarray, others: dict[str, np.ndarray], path: Path) -> None:
    """Draw the share of windows below each p of being unlike, for runs of the prior (one window
    each) and for others."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(3.4, 3.0))
        axes.plot([0, 1], [0, 1], color="0.6", linestyle="--", linewidth=0.8)
        styles = ("-", ":", "-.")
        for (name, values), style in zip({"the prior": p_values, **others}.items(), styles):
            shares = np.arange(1, len(values) + 1) / len(values)
            axes.step(np.sort(values), shares, "k", linestyle=style, linewidth=1, label=name)
        axes.axvline(0.05, color="0.6", linewidth=0.8)
        axes.set(
            xlabel="p of being unlike", ylabel="share of windows below", xlim=(0, 1), ylim=(0, 1)
        )
        axes.legend(frameon=False, fontsize=7, loc="lower right")
        _saved(figure, path)


def _deviation(axes: Axes, values: np.ndarray, color: str) -> None:
    shares = (np.arange(len(values)) + 0.5) / len(values)
    deviation = (shares - np.sort(values)) * np.sqrt(len(values))
    axes.plot(np.sort(values), deviation, color=color, linewidth=0.6)


def _saved(figure: plt.Figure, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, dpi=160)
    plt.close(figure)
