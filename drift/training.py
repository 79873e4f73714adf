"""Train a list of networks and observe them in sessions: one verb for one network and for hundreds."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import xarray as xr
from tqdm.auto import tqdm

from drift import probes as probe_table
from drift.checkpoint import Checkpoint
from drift.engines import EngineName, make_engine
from drift.engines.base import Engine, Precision, Subject, same_kind
from drift.errors import RefusedInputError
from drift.experiment import Experiment
from drift.interrupts import deferred_interrupt
from drift.records import Records, combined
from drift.store import provenance

CHECK = 1_000  # steps between looks for divergence
PATIENCE = 0.3  # seconds between two answers to the bar and to interrupts
CHECKPOINT_INTERVAL = 120.0  # seconds


def train(
    experiments: Sequence[Experiment],
    *,
    probes: Sequence[str] = probe_table.DEFAULT,
    engine: EngineName = "auto",
    precision: Precision = "float32",
    device: str = "cpu",
    threads: int | None = None,
    checkpoint: str | Path | None = None,
    progress: bool = True,
) -> xr.Dataset:
    """Train networks and return what their sessions recorded.

    Subjects that differ in shape, learner or kinds of noise run one group after the other, subjects that differ in numbers run
    side by side. A subject's result does not depend on its company.

    Parameters
    ----------
    experiments : sequence of Experiment
        One recipe for each subject.
    probes : sequence of str
        What a session records; names in ``drift.probes.PROBES``.
    engine : {"auto", "fused", "batched"}
        How the steps are computed: "fused" is compiled and by far the fastest on a CPU, "batched" a torch program for any recipe
        and device; "auto" takes the first where it can. The attribute ``engine`` of the result says which one ran.
    precision : {"float32", "float64"}
        Of the weights while learning; measures are always computed in float64.
    device : str
        "cpu", or a torch device such as "cuda".
    threads : int, optional
        CPU threads; all by default. Results do not depend on it.
    checkpoint : str or Path, optional
        File that is written every few minutes, on interrupt, and at the end; if it is there and belongs to the same experiments,
        the run goes on from it, bit for bit. Remove it when the result is safe.
    progress : bool
        Show a bar with the loss and the time left.

    Returns
    -------
    xarray.Dataset
        Longitudinal Dataset; see ``drift.schema``. ``status`` tells for each subject whether it is complete, diverged or silent;
        from ``diverged_at`` on, the sessions of a diverged subject are NaN.

    Raises
    ------
    RefusedInputError
        If the list, a probe, the engine, or the checkpoint does not fit.
    """
    recipes = _recipes(experiments)
    table = probe_table.chosen(probes)
    asked = {
        "recipes": [one.to_json() for one in recipes],
        "probes": list(table),
        "precision": precision,
        "device": device,
        "engine": engine,
    }
    kept = Checkpoint(None if checkpoint is None else Path(checkpoint), asked)
    groups = _groups(recipes)
    parts: list[xr.Dataset] = []
    total = sum(one.steps for one in recipes)
    with tqdm(total=total, unit="step", unit_scale=True, disable=not progress, smoothing=0.05, desc="training") as bar:
        for number, group in enumerate(groups):
            subjects = [subject for _, subject in group]
            running = make_engine(engine, subjects, precision=precision, device=device, threads=threads)
            records = Records(subjects, table)
            _run(running, records, bar, number, kept)
            parts.append(records.dataset([str(label) for label, _ in group], running.name))
    return _described(combined(parts, [str(label) for label in range(len(recipes))]), precision, device)


def _recipes(experiments: Sequence[Experiment]) -> list[Experiment]:
    listed = list(experiments) if isinstance(experiments, Sequence) else []
    if not listed or not all(isinstance(one, Experiment) for one in listed):
        raise RefusedInputError(
            f"train needs a list of at least one Experiment, got {type(experiments).__name__}: write train([experiment])."
        )
    return listed


def _groups(recipes: Sequence[Experiment]) -> list[list[tuple[int, Subject]]]:
    """Return subjects of one kind together, each with its place in the list."""
    kinds: dict[tuple[object, ...], list[tuple[int, Subject]]] = {}
    for number, recipe in enumerate(recipes):
        experience = recipe.task.draw(recipe.seed)
        kinds.setdefault(same_kind(recipe, experience), []).append((number, Subject(recipe, experience)))
    return list(kinds.values())


def _run(engine: Engine, records: Records, bar: tqdm, number: int, kept: Checkpoint) -> None:
    """Bring one group to its last step, from where its checkpoint stands."""
    _resume(engine, records, kept.state(number))
    bar.update(engine.step * len(records.subjects))
    last_write = time.monotonic()
    try:
        for stop in _stops(records.steps, records.subjects[0].experiment.steps, engine.step):
            _advance_to(stop, engine, bar, len(records.subjects))
            with deferred_interrupt():
                bar.set_postfix(relative_loss=f"{records.attend(engine):.3g}", refresh=False)
            if time.monotonic() - last_write > CHECKPOINT_INTERVAL:
                kept.write(number, _state(engine, records))
                last_write = time.monotonic()
    except KeyboardInterrupt:
        kept.write(number, _state(engine, records))
        raise
    kept.write(number, _state(engine, records))


def _stops(sessions: np.ndarray, steps: int, first: int) -> list[int]:
    """Return the steps at which to look: sessions, regular looks for divergence, and the last step."""
    stops = {*sessions.tolist(), *range(CHECK, steps, CHECK), steps}
    return sorted(stop for stop in stops if stop >= first)


def _advance_to(stop: int, engine: Engine, bar: tqdm, subjects: int) -> None:
    block = 1
    while engine.step < stop:
        steps, began = min(block, stop - engine.step), time.monotonic()
        with deferred_interrupt():
            engine.advance(steps)
        bar.update(steps * subjects)
        block = max(1, min(2 * block, int(steps * PATIENCE / max(time.monotonic() - began, 1e-9))))


def _state(engine: Engine, records: Records) -> dict[str, np.ndarray]:
    parts = {"engine": engine.state(), "records": records.state()}
    return {f"{part}/{name}": values for part, state in parts.items() for name, values in state.items()}


def _resume(engine: Engine, records: Records, state: Mapping[str, np.ndarray]) -> None:
    if state:
        for part, owner in (("engine", engine), ("records", records)):
            prefix = f"{part}/"
            owner.restore({name.removeprefix(prefix): values for name, values in state.items() if name.startswith(prefix)})


def _described(run: xr.Dataset, precision: Precision, device: str) -> xr.Dataset:
    return run.assign_attrs({**provenance(), "title": "simulated representational drift", "precision": precision, "device": device})
