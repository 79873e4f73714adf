"""Train a list of networks and observe them in sessions: one verb for one network and for
hundreds."""

from __future__ import annotations

import hashlib
import time
import warnings
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import xarray as xr
from tqdm import tqdm

from drift.consistency import check_learned, check_probabilities, check_targets
from drift.door import opened
from drift.door.quantities import Threads
from drift.errors import RefusedInputError
from drift.experiment import Experiment
from drift.files.code_version import imported_code
from drift.files.store import provenance
from drift.progress import progress_bar
from drift.training.checkpoint import Checkpoint
from drift.training.engines import EngineName, make_engine, mixes_shapes
from drift.training.engines.base import Engine, Precision, Subject, same_kind, same_schedule
from drift.training.interrupts import deferred_interrupt, ending_in_order
from drift.training.probes import network as probe_table
from drift.training.probes.choice import check_suitable, chosen
from drift.training.records import Records, combined
from drift.training.stages import learned_samples, make_staged, refuse_absent_environments

CHECK = 1_000  # steps between looks for divergence
PATIENCE = 0.3  # seconds between two answers to the bar and to interrupts
CHECKPOINT_INTERVAL = 120.0  # seconds


@opened
def train(
    experiments: Sequence[Experiment],
    *,
    probes: Sequence[str | probe_table.Probe] = probe_table.DEFAULT,
    engine: EngineName = "auto",
    precision: Precision = "float32",
    device: str = "cpu",
    threads: Threads | None = None,
    checkpoint: str | Path | None = None,
    progress: bool = True,
) -> xr.Dataset:
    """Train networks and return what their sessions recorded.

    Subjects run side by side where the engine can: the fused engine takes subjects of all kinds
    together, the batched engine those that differ in numbers only. A subject's result does not
    depend on its company.

    Parameters
    ----------
    experiments : sequence of Experiment
        One recipe for each subject.
    probes : sequence of str or callable
        What a session records: names in ``drift.training.probes.network.PROBES``, and functions of
        your own, each recorded under its ``__name__``, which has a row in
        ``drift.schema.VARIABLES``. A function gets the snapshot of subjects side by side (see
        ``drift.training.probes.snapshot.Snapshot``) and returns a DataArray (subject, ...) with the
        dims of its row, ``session`` apart; or None where there is nothing to record.
    engine : {"auto", "fused", "batched", "minibatch"}
        How the steps are computed: "fused" is compiled and by far the fastest on a CPU, "batched" a
        torch program for any ``Network`` and device, "minibatch" one for all other networks; "auto"
        takes the first that can, and "batched" for views of thousands of pixels. The attribute
        ``engine`` of the result says which one ran.
    precision : {"float32", "float64", "tf32", "bfloat16"}
        Of the weights while learning; the last two, for other networks than ``Network``, keep the
        weights in float32 and multiply matrices in lower precision, "tf32" on CUDA alone.
    device : str
        "cpu", or a torch device such as "cuda".
    threads : int, optional
        CPU threads; all by default. Results do not depend on it, but those of the minibatch engine
        to the last digits.
    checkpoint : str or Path, optional
        File that is written every few minutes, on interrupt, before SIGTERM and SIGHUP end the
        process, and at the end; if it is there and belongs to the same experiments, names of probes
        and code, the run goes on from it, bit for bit; what a probe of your own computes is not
        compared. Where it cannot be written, on a full disk, a
        warning says so and the run goes on. Remove it when the result is safe.
    progress : bool
        Show a bar with the loss and the time left.

    Returns
    -------
    xarray.Dataset
        Longitudinal Dataset; see ``drift.schema``. ``status`` tells for each subject whether it is
        complete, diverged or silent; from ``diverged_at`` on, the sessions of a diverged subject
        are NaN.

    Raises
    ------
    RefusedInputError
        If the list, a probe, the engine, or the checkpoint does not fit.
    """
    recipes = _recipes(experiments)
    _check_options(threads, checkpoint)
    table = chosen(probes)
    for recipe in recipes:
        check_suitable(recipe.network, table)
    groups = _groups(recipes, engine, device)
    request = {
        "recipes": [recipe.to_json() for recipe in recipes],
        "data": _digest(groups),
        "probes": list(table),
        "precision": precision,
        "device": device,
        "engine": engine,
        "code": imported_code(),
    }
    store = Checkpoint(None if checkpoint is None else Path(checkpoint), request)
    datasets: dict[int, xr.Dataset] = {}
    total = sum(recipe.steps for recipe in recipes)
    bar = progress_bar(
        total=total,
        unit="step",
        unit_scale=True,
        disable=not progress,
        smoothing=0.05,
        desc="training",
    )
    with bar, ending_in_order() if checkpoint is not None else nullcontext():
        for number, group in enumerate(groups):
            running = make_staged(
                engine,
                list(group.values()),
                make_engine,
                precision=precision,
                device=device,
                threads=threads,
            )
            families, places = _families(group), {label: place for place, label in enumerate(group)}
            records = [
                Records(
                    [group[label] for label in family], [places[label] for label in family], table
                )
                for family in families
            ]
            _run(running, records, bar, number, store)
            datasets |= {
                family[0]: record.dataset(list(map(str, family)), running.name)
                for family, record in zip(families, records, strict=True)
            }
    ordered = combined(
        [datasets[first] for first in sorted(datasets)],
        [str(label) for label in range(len(recipes))],
    )
    return _described(ordered, precision, device)


def _recipes(experiments: Sequence[Experiment]) -> list[Experiment]:
    listed = list(experiments) if isinstance(experiments, Sequence) else []
    if not listed or not all(isinstance(recipe, Experiment) for recipe in listed):
        raise RefusedInputError(
            "train needs a list of at least one Experiment, got "
            f"{type(experiments).__name__}: write train([experiment])."
        )
    return listed


def _check_options(threads: object, checkpoint: object) -> None:
    if threads is not None and type(threads) is not int:
        raise RefusedInputError(
            f"threads must be a whole number, got {threads!r}: leave it out to use all."
        )
    if checkpoint is not None and not isinstance(checkpoint, str | Path):
        raise RefusedInputError(
            f"checkpoint must be a path, got {checkpoint!r}: give the name of a file."
        )


def _groups(recipes: Sequence[Experiment], engine: str, device: str) -> list[dict[int, Subject]]:
    """Return the subjects that one engine advances together, each by its place in the list."""
    groups: dict[tuple[object, ...], dict[int, Subject]] = {}
    for label, recipe in enumerate(recipes):
        subject = Subject(recipe, recipe.task.draw(recipe.seed))
        _check_drawn(subject)
        mixed = recipe.protocol is None and mixes_shapes(engine, subject, device)
        key = (
            ("mixed", recipe.network.kind, *same_schedule(recipe))
            if mixed
            else (*same_kind(*subject), *learned_samples(subject))
        )
        groups.setdefault(key, {})[label] = subject
    return list(groups.values())


def _check_drawn(subject: Subject) -> None:
    """Refuse a task whose draw asks for other outputs than it says, or than the network gives."""
    recipe, drawn = subject.experiment, subject.objective
    name, said = type(recipe.task).__name__, recipe.task.objective()
    check_learned(recipe.network, drawn, name)
    check_targets(recipe.noise, drawn)
    check_probabilities(recipe.sample_probabilities, len(subject.inputs), name)
    refuse_absent_environments(subject)
    if said not in ("squared_error", drawn):
        raise RefusedInputError(
            f"{name} says that it asks for {said}, but its draw says {drawn}: give its "
            f"experience the attribute objective={said!r}."
        )


def _digest(groups: Sequence[Mapping[int, Subject]]) -> str:
    """Return what tells the drawn experience of all subjects from any other, such as that of a file
    that has changed."""
    content = hashlib.sha256()
    for group in groups:
        for subject in group.values():
            for name in ("inputs", "targets", "test_inputs", "test_targets"):
                if name in subject.experience:
                    content.update(
                        np.ascontiguousarray(subject.experience[name].values)
                        .reshape(-1)
                        .view(np.uint8)
                        .data
                    )
    return content.hexdigest()


def _families(group: Mapping[int, Subject]) -> list[list[int]]:
    """Return the labels of subjects of one kind together: their numbers fit into one array."""
    families: dict[tuple[object, ...], list[int]] = {}
    for label, subject in group.items():
        families.setdefault(same_kind(*subject), []).append(label)
    return list(families.values())


def _run(
    engine: Engine, records: Sequence[Records], bar: tqdm, number: int, kept: Checkpoint
) -> None:
    """Bring one group to its last step, from where its checkpoint stands."""
    _resume(engine, records, kept.state(number))
    experiments = [subject.experiment for family in records for subject in family.subjects]
    bar.update(engine.step * len(experiments))
    last_write, block = time.monotonic(), 1
    try:
        for stop in _stops(records[0].steps, experiments[0].steps, engine.step):
            block = _advance_to(stop, engine, bar, len(experiments), block)
            with deferred_interrupt():
                losses = [family.attend(engine) for family in records]
            bar.set_postfix(relative_loss=f"{np.mean(losses):.3g}", refresh=False)
            if time.monotonic() - last_write > CHECKPOINT_INTERVAL:
                _keep(kept, number, engine, records)
                last_write = time.monotonic()
    except KeyboardInterrupt:
        _keep(kept, number, engine, records)
        raise
    _keep(kept, number, engine, records)


def _keep(kept: Checkpoint, number: int, engine: Engine, records: Sequence[Records]) -> None:
    """Write a checkpoint; where that cannot be done the run is not lost with it."""
    try:
        kept.write(number, lambda: _state(engine, records))
    except RefusedInputError as refusal:
        warnings.warn(
            f"no checkpoint was kept, and the run goes on without: {refusal}", stacklevel=3
        )


def _stops(sessions: np.ndarray, steps: int, first: int) -> list[int]:
    """Return the steps at which to look: sessions, regular looks for divergence, and the last
    step."""
    stops = {*sessions.tolist(), *range(CHECK, steps, CHECK), steps}
    return sorted(stop for stop in stops if stop >= first)


def _advance_to(stop: int, engine: Engine, bar: tqdm, subjects: int, block: int) -> int:
    """Take steps in blocks that last about as long as a person waits; return the length that the
    next block should have."""
    while engine.step < stop:
        steps, began = min(block, stop - engine.step), time.monotonic()
        with deferred_interrupt():
            engine.advance(steps)
        bar.update(steps * subjects)
        block = max(1, min(2 * block, int(steps * PATIENCE / max(time.monotonic() - began, 1e-9))))
    return block


def _owners(engine: Engine, records: Sequence[Records]) -> dict[str, Engine | Records]:
    return {
        "engine": engine,
        **{f"records{number}": family for number, family in enumerate(records)},
    }


def _state(engine: Engine, records: Sequence[Records]) -> dict[str, np.ndarray]:
    states = {owner_name: owner.state() for owner_name, owner in _owners(engine, records).items()}
    return {
        f"{owner_name}/{name}": values
        for owner_name, state in states.items()
        for name, values in state.items()
    }


def _resume(engine: Engine, records: Sequence[Records], state: Mapping[str, np.ndarray]) -> None:
    for owner_name, owner in _owners(engine, records).items() if state else ():
        prefix = f"{owner_name}/"
        try:
            owner.restore(
                {
                    name.removeprefix(prefix): values
                    for name, values in state.items()
                    if name.startswith(prefix)
                }
            )
        except (KeyError, ValueError) as error:
            raise RefusedInputError(
                f"the checkpoint lacks {owner_name} of this run ({error}): remove it and begin "
                "again."
            ) from None


def _described(run: xr.Dataset, precision: Precision, device: str) -> xr.Dataset:
    return run.assign_attrs(
        {
            **provenance(),
            "title": "simulated representational drift",
            "precision": precision,
            "device": device,
        }
    )
