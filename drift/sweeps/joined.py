"""Tasks of a sweep as one Dataset, whatever became of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from drift.errors import RefusedInputError
from drift.files.store import provenance
from drift.schema import labelled_form as schema
from drift.sweeps.tasks import NETCDF, Task


def joined_tasks(requests: Sequence[Task], folder: Path) -> xr.Dataset:
    """Return the subjects of tasks, whatever became of them.

    Parameters
    ----------
    requests : sequence of Task
    folder : Path
        Where they are, for what is said of them.

    Returns
    -------
    xarray.Dataset
        See ``drift.open_sweep``.

    Raises
    ------
    RefusedInputError
        If no task has a result, or results cannot stand in one Dataset.
    """
    states = [task.state for task in requests]
    datasets = {
        number: _opened(task, number)
        for number, task in enumerate(requests)
        if states[number] == "done"
    }
    if not datasets:
        reason = next((f", the first one by {task.reason}" for task in requests if task.reason), "")
        raise RefusedInputError(
            f"none of {len(requests)} tasks in {folder} has a result{reason}: run the sweep, "
            "with retry after a failure."
        )
    first = next(iter(datasets.values()))
    absent = {
        number: _unobserved(first, requests[number], states[number], number)
        for number in range(len(requests))
        if number not in datasets
    }
    try:
        subjects = [(datasets | absent)[number] for number in range(len(requests))]
        joined = schema.combine(_with_all_numbers(subjects))
    except (ValueError, TypeError) as error:
        remedy = (
            "give each kind of recipe a folder of its own, or call run_sweep with the recipes of "
            "one"
        )
        raise RefusedInputError(
            f"the tasks in {folder} do not fit into one Dataset ({str(error).rstrip('.')}): "
            f"{remedy}."
        ) from None
    return joined.assign_attrs(provenance()).assign_coords(
        reason=("subject", _reasons(joined, requests))
    )


def _with_all_numbers(subjects: Sequence[xr.Dataset]) -> list[xr.Dataset]:
    """Return the subjects with the numbers that any of them has as a coordinate, NaN where one has
    none of the name; refuses times in several units."""
    units = sorted({str(subject["elapsed"].attrs.get("units")) for subject in subjects})
    if len(units) > 1:
        raise ValueError(f"elapsed time is in {' and '.join(units)}")
    numbers = {
        str(name): values
        for subject in subjects
        for name, values in subject.coords.items()
        if values.dims == ("subject",) and values.dtype.kind == "f"
    }
    lacking = {name: xr.full_like(values.variable, np.nan) for name, values in numbers.items()}
    return [
        subject.assign_coords(
            {name: blank for name, blank in lacking.items() if name not in subject.coords}
        )
        for subject in subjects
    ]


def _opened(task: Task, number: int) -> xr.Dataset:
    lazily: Mapping[str, Any] = {"chunks": {}} if _has_dask() else {}
    with NETCDF:
        dataset = xr.open_dataset(task.path, engine="netcdf4", decode_times=False, **lazily)
        small = {name: coordinate.load() for name, coordinate in dataset.coords.items()}
    return dataset.assign_coords({**small, "subject": np.array([str(number)], dtype=object)})


def _has_dask() -> bool:
    from importlib.util import find_spec

    return find_spec("dask") is not None


def _unobserved(like: xr.Dataset, task: Task, state: str, number: int) -> xr.Dataset:
    """Return the subject of a task without a result: everything that would have been observed is
    NaN."""
    numbers = {
        name: values
        for name, values in like.variables.items()
        if "subject" in values.dims and values.dtype.kind == "f"
    }
    blank = {name: xr.full_like(values, np.nan) for name, values in numbers.items()}
    texts = {"experiment": [task.recipe], "status": [state]}
    labelled = {name: ("subject", np.array(text, dtype=object)) for name, text in texts.items()}
    coordinates = {
        "subject": np.array([str(number)], dtype=object),
        "seed": ("subject", [task.seed]),
        **labelled,
    }
    dataset = (
        like.assign(blank)
        .assign_coords({name: blank[name] for name in blank if name in like.coords})
        .assign_coords(coordinates)
    )
    return (
        dataset.assign(recorded=xr.zeros_like(like["recorded"])) if "recorded" in like else dataset
    )


def _reasons(joined: xr.Dataset, requests: Sequence[Task]) -> np.ndarray:
    told = {
        "diverged": "loss above ten times the variance of the targets, or not finite, after step "
        "{:.0f}",
        "silent": "no hidden unit responds to any sample",
        "unsettled": "rates of the circuit had not come to rest in some session",
    }
    status = joined["status"].values
    steps = (
        joined["diverged_at"].values if "diverged_at" in joined else np.full(len(status), np.nan)
    )
    reasons = [
        told.get(str(label), "").format(step) or task.reason
        for label, step, task in zip(status, steps, requests, strict=True)
    ]
    absent = [label == "missing" and not reason for label, reason in zip(status, reasons)]
    return np.where(absent, "not run yet", np.array(reasons, dtype=object))
