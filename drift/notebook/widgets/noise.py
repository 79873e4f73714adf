"""Sliders for the noise and the learning rate, with a small run behind them."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from drift.door import opened
from drift.errors import RefusedInputError
from drift.experiment import Experiment
from drift.learners import SGD
from drift.metrics.averages import summary
from drift.metrics.stability.correlations import mean_rate_map_correlation
from drift.networks import Network
from drift.noise import LabelNoise, UpdateNoise
from drift.notebook.widgets.canvas import WIDTH, empty_figure, ipywidgets, picture
from drift.observation.lens import untrained_sessions
from drift.plots.sessions import COLOURS
from drift.tasks import CorridorTask

# A run of this size takes about a second on one core.
SMALL = Experiment(
    task=CorridorTask(samples=100),
    network=Network(units=80, regime="lazy"),
    learner=SGD(learning_rate=0.1),
    noise=(UpdateNoise(std=0.05),),
    steps=4_000,
    sessions=11,
)
STEPS = {
    "update": (0.0, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15),
    "label": (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0),
    "learning_rate": (0.01, 0.02, 0.05, 0.1, 0.2),
}


@opened
def noise_sliders(recipe: Experiment | None = None, *, steps: int | None = None) -> Any:
    """Sliders for update noise, label noise and learning rate; each change trains a small network
    anew and draws it over the last one.

    The picture shows the fraction of active responses, the information about place (where the task
    has places) and the similarity of the rate maps to those of the first learned session, against
    the steps of learning. The run before stays in grey.

    Parameters
    ----------
    recipe : Experiment, optional
        What is trained; a small network in a corridor by default, which takes about a second.
    steps : int, optional
        Steps of learning, if not those of the recipe.

    Returns
    -------
    ipywidgets.VBox
        Show it as the last line of a notebook cell. Its children are the handles and the picture.

    Raises
    ------
    RefusedInputError
        If ipywidgets is not installed, the recipe is none, or fewer than three sessions are asked
        for.
    """
    widgets = ipywidgets()
    base = _checked(SMALL if recipe is None else recipe, steps)
    handles = {name: _slider(widgets, name, value) for name, value in _numbers(base).items()}
    frame, told = (
        widgets.Image(format="png", layout=widgets.Layout(max_width="100%", width=WIDTH)),
        widgets.HTML(),
    )
    runs: list[xr.Dataset] = []

    def draw(_: object = None) -> None:
        told.value = "<i>learning ...</i>"
        runs[:] = [
            *runs[-1:],
            _trained(base, {name: handle.value for name, handle in handles.items()}),
        ]
        frame.value, told.value = picture(_figure(runs)), _sentence(runs[-1])

    for handle in handles.values():
        handle.observe(draw, "value")
    draw()
    return widgets.VBox([*handles.values(), frame, told])


def _checked(recipe: Experiment, steps: int | None) -> Experiment:
    if not isinstance(recipe, Experiment):
        raise RefusedInputError(
            f"a recipe is needed, got {type(recipe).__name__}: pass a drift.Experiment."
        )
    changed = recipe if steps is None else recipe.replace(steps=steps)
    if len(changed.session_steps()) < 3:
        raise RefusedInputError(
            f"sliders need at least 3 sessions, got {len(changed.session_steps())}: raise the "
            "recipe's sessions."
        )
    if not hasattr(changed.learner, "learning_rate"):
        raise RefusedInputError(
            f"{type(changed.learner).__name__} has no learning_rate to slide: use drift.SGD "
            "or drift.Adam."
        )
    return changed


def _numbers(recipe: Experiment) -> dict[str, float]:
    std = {noise.kind: noise.std for noise in recipe.noise}
    rate = float(recipe.learner.learning_rate)  # type: ignore[attr-defined]
    return {"update": std.get("update", 0.0), "label": std.get("label", 0.0), "learning_rate": rate}


def _slider(widgets: Any, name: str, value: float) -> Any:
    """Return a slider over round numbers and the recipe's own; it answers when it is let go."""
    label = {
        "update": "update noise (std)",
        "label": "label noise (std)",
        "learning_rate": "learning rate",
    }[name]
    options = [(f"{number:g}", number) for number in sorted({*STEPS[name], value})]
    wide = {"style": {"description_width": "130px"}, "layout": widgets.Layout(width="60%")}
    return widgets.SelectionSlider(
        options=options, value=value, description=label, continuous_update=False, **wide
    )


def _trained(base: Experiment, numbers: dict[str, float]) -> xr.Dataset:
    from drift.training.training import train

    noises = {noise.kind: noise for noise in base.noise}
    for kind, new in (("update", UpdateNoise), ("label", LabelNoise)):
        std = numbers[kind]
        noises[kind] = noises[kind].replace(std=std) if kind in noises else new(std=std)
        if std == 0:
            del noises[kind]
    learner = base.learner.replace(learning_rate=numbers["learning_rate"])
    return train(
        [base.replace(noise=tuple(noises.values()), learner=learner)], threads=1, progress=False
    )


def _curves(run: xr.Dataset) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return label, times and values of what is drawn, as far as the run has it."""
    elapsed, learned = run["elapsed"].values[0], slice(untrained_sessions(run), None)
    curves = {"fraction of active responses": (elapsed, run["fraction_active_responses"].values[0])}
    if "rate" in run and "environment" not in run["rate"].dims:
        information = summary(run, "spatial_information")["spatial_information"].values
        similar = (
            mean_rate_map_correlation(run, smoothing=3.0)
            .isel(subject=0, session=learned.start)
            .values[learned]
        )
        curves["spatial information\n(bits/event)"] = (elapsed, information)
        curves["rate-map correlation\nwith the first learned session"] = (elapsed[learned], similar)
    return curves


def _figure(runs: list[xr.Dataset]) -> Any:
    curves = [_curves(run) for run in runs]
    figure = empty_figure(7.6, 2.6)
    for number, (ax, name) in enumerate(
        zip(figure.subplots(1, len(curves[-1]), squeeze=False)[0], curves[-1], strict=True)
    ):
        if len(curves) > 1:
            ax.plot(*curves[0][name], color="0.6", linestyle="--", label="run before")
        ax.plot(*curves[-1][name], color=COLOURS[0], marker="o", markersize=3, label="this run")
        ax.set(xlabel="step of learning", ylabel=name, ylim=(0, None) if number == 1 else (0, 1.02))
        ax.spines[["top", "right"]].set_visible(False)
        ax.locator_params(axis="x", nbins=4)
        ax.tick_params(labelsize=8)
    ax.legend(frameon=False, fontsize=8)
    return figure


def _sentence(run: xr.Dataset) -> str:
    status = str(run["status"].values[0]) if "status" in run else "complete"
    if status != "complete":
        return f"<b>The network is {status}: take less noise or a smaller learning rate.</b>"
    return (
        f"Loss at the end: {run['relative_loss'].values[0, -1]:.3f} of the variance of the targets."
    )
