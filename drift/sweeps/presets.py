"""The published families of runs as laws from which recipes are drawn (Ratzon, Derdikman & Barak
2024, Table 2 and released code)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from drift.door import opened
from drift.door.quantities import Count, Seed
from drift.errors import RefusedInputError
from drift.experiment import Experiment
from drift.learners import Adam, StochasticErrorDescent
from drift.networks import Network
from drift.noise import LabelNoise, UpdateNoise
from drift.streams import stream
from drift.tasks import (
    PredictiveTask,
    RandomAutoencoderTask,
    RandomTask,
    SmoothedAutoencoderTask,
    SmoothedTask,
)
from drift.tasks.base import Task

UNITS, LONG, SHORT = 100, 10_000_000, 1_000_000
SESSIONS = 101
MAPS = ("random", "smoothed", "predictive")
AUTOENCODERS = ("random_autoencoder", "smoothed_autoencoder")
STDS, WIDTHS = np.logspace(-2, -1, 50), np.logspace(-1, 0, 50)
RUNS = {
    "random_update_noise": 312,
    "random_label_noise": 353,
    "random_adam": 45,
}  # of the published family ``random``

# of the figure that shows how all networks without label noise of SGD, and all others, become
# sparse: 616 curves; the 45 of Adam by the noise that they had
FIGURE = {
    "random_update_noise": 312,
    "comparison_update_noise": 180,
    "stochastic_error_descent": 49,
    "low_update_noise": 30,
    "random_adam": 27,
    "random_adam_label_noise": 12,
    "random_adam_update_noise": 6,
}

Generator = np.random.Generator
Regime = Literal["rich", "lazy"]


def _task(kind: str, samples: int, inputs: int, outputs: int) -> Task:
    """An abstract task as published; ``outputs`` of autoencoders only set the smoothing, those of
    ``predictive`` nothing."""
    shape: dict[str, Any] = {"samples": samples, "inputs": inputs, "faithful": True}
    if kind in ("random", "smoothed"):
        return {"random": RandomTask, "smoothed": SmoothedTask}[kind](**shape, outputs=outputs)
    if kind == "smoothed_autoencoder":
        return SmoothedAutoencoderTask(**shape, feature_smoothing=outputs)
    return {"random_autoencoder": RandomAutoencoderTask, "predictive": PredictiveTask}[kind](
        **shape
    )


def _experiment(
    rng: Generator, task: Task, regime: Regime = "rich", steps: int = LONG, **parts: Any
) -> Experiment:
    network = Network(units=UNITS, regime=regime)
    return Experiment(
        task=task,
        network=network,
        steps=steps,
        sessions=SESSIONS,
        seed=int(rng.integers(2**32)),
        **parts,
    )


def _small_task(rng: Generator) -> Task:
    """A task of 1 to 19 samples, inputs and outputs; a single number has no range to scale and is
    drawn again."""
    while True:
        kind, (samples, inputs, outputs) = str(rng.choice(MAPS)), rng.integers(1, 20, 3).tolist()
        if samples * min(inputs, outputs if kind != "predictive" else inputs) > 1:
            return _task(kind, samples, inputs, outputs)


def _regime(rng: Generator) -> Regime:
    return "rich" if rng.random() < 0.5 else "lazy"


def _random_update_noise(rng: Generator) -> Experiment:
    return _experiment(
        rng, _small_task(rng), _regime(rng), noise=[UpdateNoise(std=rng.choice(STDS))]
    )


def _random_label_noise(rng: Generator) -> Experiment:
    return _experiment(
        rng, _small_task(rng), _regime(rng), noise=[LabelNoise.from_width(rng.choice(WIDTHS))]
    )


def _random_adam(rng: Generator) -> Experiment:
    return _experiment(rng, _small_task(rng), _regime(rng), learner=Adam(learning_rate=1e-3))


def _random_adam_label_noise(rng: Generator) -> Experiment:
    return _random_label_noise(rng).replace(learner=Adam(learning_rate=1e-3))


def _random_adam_update_noise(rng: Generator) -> Experiment:
    return _random_update_noise(rng).replace(learner=Adam(learning_rate=1e-3))


def _random(rng: Generator) -> Experiment:
    share = np.array(list(RUNS.values()), dtype=float)
    return PRESETS[str(rng.choice(list(RUNS), p=share / share.sum()))](rng)


def _stochastic_error_descent(rng: Generator) -> Experiment:
    task = _task(
        str(rng.choice([*MAPS, *AUTOENCODERS])),
        int(rng.integers(5, 15)),
        *rng.integers(5, 30, 2).tolist(),
    )
    return _experiment(
        rng,
        task,
        _regime(rng),
        learner=StochasticErrorDescent(learning_rate=rng.uniform(0.9, 1.0), faithful=True),
    )


def _low_update_noise(rng: Generator) -> Experiment:
    return _experiment(
        rng, _task("smoothed", 5, 10, 5), noise=[UpdateNoise(std=rng.uniform(0.001, 0.01))]
    )


def _noise_sweep(rng: Generator) -> Experiment:
    return _experiment(
        rng, _task(str(rng.choice(MAPS)), 5, 20, 5), noise=[UpdateNoise(std=rng.choice(STDS))]
    )


def _comparison(rng: Generator) -> Experiment:
    samples, inputs, outputs = (
        int(rng.choice(sizes)) for sizes in ((5, 10, 20), (20, 25, 30), (5, 10, 15))
    )
    noise = LabelNoise.from_width(1.0) if rng.random() < 0.5 else UpdateNoise(std=0.03)
    return _experiment(
        rng,
        _task(str(rng.choice([*MAPS, *AUTOENCODERS])), samples, inputs, outputs),
        _regime(rng),
        SHORT,
        noise=[noise],
    )


def _comparison_update_noise(rng: Generator) -> Experiment:
    return _comparison(rng).replace(noise=[UpdateNoise(std=0.03)])


PRESETS: dict[str, Callable[[Generator], Experiment]] = {
    "random": _random,
    "random_update_noise": _random_update_noise,
    "random_label_noise": _random_label_noise,
    "random_adam": _random_adam,
    "random_adam_label_noise": _random_adam_label_noise,
    "random_adam_update_noise": _random_adam_update_noise,
    "stochastic_error_descent": _stochastic_error_descent,
    "low_update_noise": _low_update_noise,
    "noise_sweep": _noise_sweep,
    "comparison": _comparison,
    "comparison_update_noise": _comparison_update_noise,
}
WHOLE_FIGURE = "published_figure"


def usual_runs(preset: str) -> int:
    """Return how many runs are drawn where nobody says: all 616 of the figure, 10 of a family."""
    return sum(FIGURE.values()) if preset == WHOLE_FIGURE else 10


def _families(preset: str, runs: int) -> list[str]:
    """Family of each run. Those of the figure take turns, so that the first runs, however few, are
    of all families in the published proportion."""
    if preset != WHOLE_FIGURE:
        return [preset] * runs
    total, drawn, order = sum(FIGURE.values()), dict.fromkeys(FIGURE, 0), []
    for number in range(1, runs + 1):
        lacking = {name: FIGURE[name] * number - total * drawn[name] for name in FIGURE}
        order.append(max(lacking, key=lambda name: lacking[name]))
        drawn[order[-1]] += 1
    return order


@opened
def sample(preset: str, runs: Count, seed: Seed = 0, **changes: object) -> list[Experiment]:
    """Return recipes drawn at random from a published family of runs, each with a seed, hence a
    task and first weights, of its own.

    ======================== =======================================================================
    preset                   law (N = 100 units throughout; s: update noise, a: full width of
                             uniform label noise)
    ======================== =======================================================================
    random                   the three below in proportion 312 : 353 : 45
    random_update_noise      SGD at 0.1, s in logspace(-2, -1, 50)
    random_label_noise       SGD at 0.1, a in logspace(-1, 0, 50)
    random_adam              Adam at 0.001, no noise; all three: random, smoothed or predictive
                             task, samples, inputs and outputs 1 to 19, rich or lazy, 1e7 steps
    stochastic_error_descent learning rate 0.9 to 1, no noise, 5 abstract tasks, inputs and outputs
                             5 to 29, samples 5 to 14
    low_update_noise         s in 0.001 to 0.01, smoothed task of 5 samples, 10 inputs, 5 outputs,
                             rich
    noise_sweep              s in logspace(-2, -1, 50), random, smoothed or predictive task of 5
                             samples, 20 inputs, 5 outputs, rich
    random_adam_label_noise  Adam at 0.001, a in logspace(-1, 0, 50); 12 of the 45 published runs of
                             Adam, of which 27 are without noise
    random_adam_update_noise Adam at 0.001, s in logspace(-2, -1, 50); 6 of them
    comparison               a = 1 or s = 0.03, 5 abstract tasks, samples 5, 10 or 20, inputs 20, 25
                             or 30, outputs 5, 10 or 15, rich or lazy, 1e6 steps
    comparison_update_noise  its networks with s = 0.03
    published_figure         312 random_update_noise, 180 comparison_update_noise, 49
                             stochastic_error_descent, 30 low_update_noise and the 45 of Adam by
                             their noise, 616 in all, families in turn
    ======================== =======================================================================

    Tasks keep the quirks of the released code (``faithful=True``), since published numbers rest on
    them.

    Parameters
    ----------
    preset : str
        A name in ``drift.sweeps.presets.PRESETS``, or ``published_figure``.
    runs : int
        Number of recipes; the first ones do not depend on it.
    seed : int
        Of the draws.
    **changes
        Entries of ``Experiment`` that replace those of the family, such as ``steps`` and
        ``sessions``.

    Returns
    -------
    list of Experiment

    Raises
    ------
    RefusedInputError
        If the preset is unknown or there is nothing to draw.

    References
    ----------
    Ratzon, Derdikman & Barak 2024, Table 2 and released configuration.
    """
    if preset not in (*PRESETS, WHOLE_FIGURE):
        names = ", ".join((*PRESETS, WHOLE_FIGURE))
        raise RefusedInputError(f"preset {preset!r} is unknown: use one of {names}.")
    if type(runs) is not int or runs < 1:
        raise RefusedInputError(
            f"runs must be a whole number of at least 1, got {runs!r}: give the number of recipes."
        )
    rng = stream(seed, "world")
    drawn = [PRESETS[family](rng) for family in _families(preset, runs)]
    return [recipe.replace(**changes) for recipe in drawn] if changes else drawn
