"""Run a list of similarity-matching networks and observe them in sessions, in the labelled form of
networks and animals."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import xarray as xr
from tqdm import tqdm

from drift import metrics
from drift.door import opened
from drift.door.quantities import Threads
from drift.errors import RefusedInputError
from drift.files.store import provenance
from drift.progress import progress_bar
from drift.schema.labelled_form import combine, labelled
from drift.similarity_matching.learning import mismatch
from drift.similarity_matching.networks import Matching
from drift.similarity_matching.programs import LinearProgram, Program, program

PAIR = ("subject", "session")
MEANINGS = {
    "similarity_loss": "mean over pairs of inputs of the squared mismatch of input and output similarity",
    "neural_filters": "weights M^-1 W from inputs to resting outputs",
    "input_covariance": "mean product of two inputs over all samples",
}


@opened
def simulate(
    networks: Sequence[Matching], *, threads: Threads | None = None, progress: bool = True
) -> xr.Dataset:
    """Let similarity-matching networks learn under synaptic noise and return what their sessions
    recorded.

    A subject's result depends on its recipe alone, not on its company, its place in the list, or
    the number of threads.

    Parameters
    ----------
    networks : sequence of Matching
        One recipe for each subject; kinds and sizes may differ as long as they share the axis of
        places.
    threads : int, optional
        Subjects that run at a time; as many as there are processors by default.
    progress : bool
        Show a bar.

    Returns
    -------
    xarray.Dataset
        Longitudinal Dataset: ``rate`` (subject, session, unit, place[, environment]) where the
        inputs have places, else ``sample_activity`` (subject, session, sample, unit);
        ``similarity_loss`` and ``fraction_active_units`` (subject, session); for linear networks
        ``neural_filters`` (subject, session, unit, input) and ``input_covariance`` (subject, input,
        input_other). ``elapsed`` counts steps. ``status`` says "complete", "restless" where some
        outputs did not come to rest, or "diverged" where they are not finite; from then on sessions
        are NaN.

    Raises
    ------
    RefusedInputError
        If the list is empty or holds something else, threads is not a positive whole number, or the
        subjects have different places.
    """
    recipes = _recipes(networks, threads)
    _refuse_other_places(recipes)
    total = sum(int(one.session_steps()[-1]) for one in recipes)
    with (
        progress_bar(
            total=total, unit="step", unit_scale=True, disable=not progress, desc="matching"
        ) as bar,
        ThreadPoolExecutor(threads or os.cpu_count()) as pool,
    ):
        parts = list(pool.map(lambda one: _subject(one, bar), recipes))
    joined = combine(parts).assign_coords(
        subject=np.array([str(label) for label in range(len(parts))], dtype=object)
    )
    return joined.assign_attrs(
        {
            **provenance(),
            "title": "simulated drift of similarity matching",
            "engine": "similarity_matching",
        }
    )


def _recipes(networks: object, threads: object) -> list[Matching]:
    listed = list(networks) if isinstance(networks, Sequence) else []
    if not listed or not all(isinstance(one, Matching) for one in listed):
        raise RefusedInputError(
            "simulate needs a list of at least one similarity-matching network, got "
            f"{type(networks).__name__}: write simulate([network])."
        )
    if threads is not None and (type(threads) is not int or threads < 1):
        raise RefusedInputError(
            f"threads must be a positive whole number, got {threads!r}: leave it out to use "
            "all processors."
        )
    return listed


def _refuse_other_places(networks: Sequence[Matching]) -> None:
    """One axis holds the places of all subjects, and means the same for each."""
    axes = [
        one.inputs.draw(one.seed).isel(sample=slice(None, None, one.stride)).coords
        for one in networks
    ]
    for label, coords in enumerate(axes):
        if set(coords) != set(axes[0]) or not all(
            axes[0][name].equals(coords[name]) for name in coords
        ):
            raise RefusedInputError(
                f"network {label} sees other places than the first: simulate networks of one "
                "task at a time."
            )


def _subject(network: Matching, bar: tqdm) -> xr.Dataset:
    """Run one subject from its first step to its last session."""
    subject = program(network)
    similarity = subject.shown @ subject.shown.T - subject.similarity_offset  # (sample, sample)
    steps = network.session_steps()
    kind = (
        np.float64 if isinstance(subject, LinearProgram) else np.float32
    )  # small rotations need all digits
    answers = np.full(
        (len(steps), len(subject.shown), network.units), np.nan, kind
    )  # (session, sample, unit)
    loss, filters = np.full(len(steps), np.nan), []
    for session, step in enumerate(steps):
        subject.advance(int(step) - subject.step)
        bar.update(int(step) - (int(steps[session - 1]) if session else 0))
        found = subject.responses()
        if not np.isfinite(found).all():
            break
        answers[session], loss[session] = found, mismatch(similarity, found)
        if isinstance(subject, LinearProgram):
            filters.append(subject.filters())
    return _longitudinal(subject, answers, loss, filters)


def _longitudinal(
    subject: Program, answers: np.ndarray, loss: np.ndarray, filters: list[np.ndarray]
) -> xr.Dataset:
    activity = xr.DataArray(answers[np.newaxis], dims=(*PAIR, "sample", "unit"))
    observed = np.isfinite(loss)
    present = np.broadcast_to(observed[:, np.newaxis], (len(loss), answers.shape[-1]))[np.newaxis]
    variables = {
        **_code(
            subject.experience.isel(sample=slice(None, None, subject.network.stride)), activity
        ),
        "similarity_loss": _own("similarity_loss", PAIR, loss),
        "recorded": labelled("recorded", (*PAIR, "unit"), present.astype("int8")),
        "detected_units": labelled("detected_units", PAIR, present.sum(-1).astype(float)),
    }
    if isinstance(subject, LinearProgram):
        kept = np.full((len(loss), *subject.feedforward.shape), np.nan)
        kept[: len(filters)] = filters
        variables["neural_filters"] = _own("neural_filters", (*PAIR, "unit", "input"), kept)
        variables["input_covariance"] = _own(
            "input_covariance", ("subject", "input", "input_other"), subject.covariance
        )
    else:
        variables["fraction_active_units"] = metrics.fraction_active_units(activity)
    return xr.Dataset(variables).assign_coords(_coordinates(subject, observed))


def _own(name: str, dims: Sequence[str], values: np.ndarray) -> xr.DataArray:
    """Return an array of one subject with its meaning."""
    return xr.DataArray(
        values[np.newaxis], dims=tuple(dims), attrs={"units": "1", "long_name": MEANINGS[name]}
    )


def _code(experience: xr.Dataset, activity: xr.DataArray) -> dict[str, xr.DataArray]:
    """Return responses by place, or by sample where there are none; environments follow each other
    along the samples."""
    if "place" not in experience.coords:
        return {
            "sample_activity": labelled(
                "sample_activity", [str(dim) for dim in activity.dims], activity.values
            )
        }
    labels = {
        name: experience[name]
        for name in ("place", "place_x", "place_y")
        if name in experience.coords
    }
    maps, dims = activity.transpose(..., "sample").values, [*PAIR, "unit", "place"]
    if "environment" in experience.coords:
        arms = int(experience["environment"].max()) + 1
        maps = np.moveaxis(maps.reshape(*maps.shape[:-1], arms, -1), -2, -1)
        labels = {
            name: values[experience["environment"].values == 0] for name, values in labels.items()
        }
        dims.append("environment")
    coords = {name: ("place", values.values, values.attrs) for name, values in labels.items()}
    rate = labelled("rate", dims, maps, units="1").assign_coords(coords)
    occupancy = np.ones((1, maps.shape[1], *maps.shape[3:]))
    return {
        "rate": rate,
        "occupancy": labelled(
            "occupancy", [dim for dim in dims if dim != "unit"], occupancy, units="sample"
        ),
    }


def _coordinates(subject: Program, observed: np.ndarray) -> dict[str, xr.DataArray]:
    network, sessions = subject.network, np.arange(len(observed))
    status = "diverged" if not observed.all() else "restless" if subject.restless else "complete"
    names = ("seed", "learning_rate", "feedforward_noise", "lateral_noise")
    elapsed = network.session_steps()[np.newaxis].astype(float)
    texts = {"status": status, "experiment": network.to_json()}
    return {
        "session": xr.DataArray(sessions, dims="session"),
        "unit": xr.DataArray(np.arange(network.units), dims="unit"),
        "subject": xr.DataArray(np.array(["0"], dtype=object), dims="subject"),
        "elapsed": labelled("elapsed", PAIR, elapsed, units="step"),
        **{name: xr.DataArray([getattr(network, name)], dims="subject") for name in names},
        **{
            name: xr.DataArray(np.array([text], dtype=object), dims="subject")
            for name, text in texts.items()
        },
    }
