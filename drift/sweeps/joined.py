"""Tasks of a sweep as one Dataset, whatever became of each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from drift.errors import RefusedInputError
from drift.files.store import provenance
from drift.schema import labelled_form as schema
from drift.sweeps.alike import opened_alike
from drift.sweeps.tasks import Task


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
    results = {
        number: task.path for number, task in enumerate(requests) if states[number] == "done"
    }
    if not results:
        reason = next((f", the first one by {task.reason}" for task in requests if task.reason), "")
        raise RefusedInputError(
            f"none of {len(requests)} tasks in {folder} has a result{reason}: run the sweep, "
            "with retry after a failure."
        )
    groups = list(opened_alike(results))
    if absent := [number for number in range(len(requests)) if number not in results]:
        like = next(dataset for numbers, dataset in groups if next(iter(results)) in numbers)
        blank = _unobserved(like, [requests[number] for number in absent])
        statuses = ("subject", np.array([states[number] for number in absent], dtype=object))
        groups.append((absent, blank.assign_coords(status=statuses)))
    try:
        joined = _in_order(groups)
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


def _in_order(groups: Sequence[tuple[list[int], xr.Dataset]]) -> xr.Dataset:
    """Return all subjects as one Dataset, in the order of their numbers and named by them."""
    numbers = np.concatenate([group for group, _ in groups])
    datasets = [dataset for _, dataset in groups]
    if len(numbers) > 1:
        datasets = [_with_subject(dataset) for dataset in datasets]
    joined = schema.combine(_with_all_numbers(datasets))
    named = joined.assign_coords(subject=numbers.astype(str).astype(object))
    is_ordered = (np.diff(numbers) > 0).all()
    return named if is_ordered else named.isel(subject=np.argsort(numbers))


def _with_subject(group: xr.Dataset) -> xr.Dataset:
    """Return the group with the numbers of each subject, also where they are all the same."""
    return group.assign(
        {
            name: values.variable.set_dims({"subject": group.sizes["subject"], **values.sizes})
            for name, values in group.data_vars.items()
            if "subject" not in values.dims
        }
    )


def _with_all_numbers(groups: Sequence[xr.Dataset]) -> list[xr.Dataset]:
    """Return the groups with the numbers that any of them has as a coordinate, NaN where one has
    none of the name; refuses times in several units."""
    units = sorted({str(group["elapsed"].attrs.get("units")) for group in groups})
    if len(units) > 1:
        raise ValueError(f"elapsed time is in {' and '.join(units)}")
    attributes = {
        str(name): values.attrs
        for group in groups
        for name, values in group.coords.items()
        if values.dims == ("subject",) and values.dtype.kind == "f"
    }
    return [
        group.assign_coords(
            {
                name: ("subject", np.full(group.sizes["subject"], np.nan), attrs)
                for name, attrs in attributes.items()
                if name not in group.coords
            }
        )
        for group in groups
    ]


def _unobserved(like: xr.Dataset, tasks: Sequence[Task]) -> xr.Dataset:
    """Return the subjects of tasks without a result: everything that would have been observed is
    NaN."""
    repeated = like.isel(subject=np.zeros(len(tasks), int))
    numbers = {
        name: values
        for name, values in repeated.variables.items()
        if "subject" in values.dims and values.dtype.kind == "f"
    }
    blank = {name: xr.full_like(values, np.nan) for name, values in numbers.items()}
    coordinates = {
        "seed": ("subject", [task.seed for task in tasks]),
        "experiment": ("subject", np.array([task.recipe for task in tasks], dtype=object)),
    }
    dataset = (
        repeated.assign(blank)
        .assign_coords({name: blank[name] for name in blank if name in like.coords})
        .assign_coords(coordinates)
    )
    return (
        dataset.assign(recorded=xr.zeros_like(repeated["recorded"]))
        if "recorded" in like
        else dataset
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
