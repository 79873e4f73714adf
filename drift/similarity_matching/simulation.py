"""Run a list of similarity-matching networks and observe them in sessions, in the labelled form of
networks and animals."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import xarray as xr
from tqdm import tqdm

from drift.door import opened
from drift.door.quantities import Threads
from drift.errors import RefusedInputError
from drift.files.store import provenance
from drift.metrics.place_code import activity_code, place_code
from drift.progress import progress_bar
from drift.schema.labelled_form import combine, described, labelled
from drift.schema.longitudinal import longitudinal_dataset
from drift.similarity_matching.learning import mismatch
from drift.similarity_matching.networks import Matching
from drift.similarity_matching.programs import LinearProgram, Program, program

PAIR = ("subject", "session")


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
    total = sum(int(recipe.session_steps()[-1]) for recipe in recipes)
    with (
        progress_bar(
            total=total, unit="step", unit_scale=True, disable=not progress, desc="matching"
        ) as bar,
        ThreadPoolExecutor(threads or os.cpu_count()) as pool,
    ):
        subjects = list(pool.map(lambda recipe: _subject(recipe, bar), recipes))
    joined = combine(subjects).assign_coords(
        subject=np.array([str(label) for label in range(len(subjects))], dtype=object)
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
    if not listed or not all(isinstance(network, Matching) for network in listed):
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
        network.inputs.draw(network.seed).isel(sample=slice(None, None, network.stride)).coords
        for network in networks
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
        responses = subject.responses()
        if not np.isfinite(responses).all():
            break
        answers[session], loss[session] = responses, mismatch(similarity, responses)
        if isinstance(subject, LinearProgram):
            filters.append(subject.filters())
    return _longitudinal(subject, answers, loss, filters)


def _longitudinal(
    subject: Program, answers: np.ndarray, loss: np.ndarray, filters: list[np.ndarray]
) -> xr.Dataset:
    activity = xr.DataArray(answers[np.newaxis], dims=(*PAIR, "sample", "unit"))
    observed = np.isfinite(loss)
    present = np.broadcast_to(observed[:, np.newaxis], (len(loss), answers.shape[-1]))[np.newaxis]
    recorded = labelled("recorded", (*PAIR, "unit"), present.astype("int8"))
    variables = {
        **_code(subject, activity, recorded),
        "similarity_loss": labelled("similarity_loss", PAIR, loss[np.newaxis]),
    }
    if isinstance(subject, LinearProgram):
        weights = np.full((1, len(loss), *subject.feedforward.shape), np.nan)
        weights[0, : len(filters)] = filters
        covariance = subject.covariance[np.newaxis]
        variables["neural_filters"] = labelled("neural_filters", (*PAIR, "unit", "input"), weights)
        variables["input_covariance"] = labelled(
            "input_covariance", ("subject", "input", "input_other"), covariance
        )
    else:
        variables |= activity_code(activity)
    steps = subject.network.session_steps()[np.newaxis].astype(float)
    return longitudinal_dataset(
        variables, _coordinates(subject, observed), elapsed=steps, elapsed_units="step"
    )


def _code(
    subject: Program, activity: xr.DataArray, recorded: xr.DataArray
) -> dict[str, xr.DataArray]:
    """Return responses by place, with the measures of a place code, or by sample where there are no
    places; environments follow each other along the samples."""
    experience = subject.experience.isel(sample=slice(None, None, subject.network.stride))
    if "place" not in experience.coords:
        detected = (recorded == 1).sum("unit").astype(float)
        dims = [str(dim) for dim in activity.dims]
        return {
            "sample_activity": labelled("sample_activity", dims, activity.values),
            "recorded": recorded,
            "detected_units": described(detected, "detected_units"),
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
    times = np.ones((1, maps.shape[1], *maps.shape[3:]))
    occupancy = labelled("occupancy", [dim for dim in dims if dim != "unit"], times, units="sample")
    signed = isinstance(subject, LinearProgram)  # answers below 0 are no rates: they inform nobody
    code = place_code(rate.where(rate >= 0) if signed else rate, occupancy, recorded)
    return {**code, "rate": rate, "occupancy": occupancy}


def _coordinates(subject: Program, observed: np.ndarray) -> dict[str, xr.DataArray]:
    network, sessions = subject.network, np.arange(len(observed))
    status = "diverged" if not observed.all() else "restless" if subject.restless else "complete"
    names = ("seed", "learning_rate", "feedforward_noise", "lateral_noise")
    texts = {"status": status, "experiment": network.to_json()}
    return {
        "session": xr.DataArray(sessions, dims="session"),
        "unit": xr.DataArray(np.arange(network.units), dims="unit"),
        "subject": xr.DataArray(np.array(["0"], dtype=object), dims="subject"),
        **{name: xr.DataArray([getattr(network, name)], dims="subject") for name in names},
        **{
            name: xr.DataArray(np.array([text], dtype=object), dims="subject")
            for name, text in texts.items()
        },
    }
