"""Arguments that are right, by name and by type: small sessions, a small run, arrays of numbers,
circuits, a folder to write in."""

from __future__ import annotations

import functools
import inspect
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from stability_world import of_stability

import circuits
import drift
from data_adapters.session import session_dataset
from drift import metrics
from drift.similarity_matching import RingInputs, SimilarityMatching, simulate

SUBJECTS, SESSIONS, UNITS, PLACES, SAMPLES = 2, 3, 5, 8, 60


@functools.cache
def world() -> dict[str, dict[str, Any]]:
    """Return right values by the kind of argument, then by its name; "one function" holds those by
    function and name."""
    rng = np.random.default_rng(1)
    held = {"plain": {**_numbers(), **_objects()}, "array": _arrays(rng), **_labelled(rng)}
    return {**held, "one function": _of_one_function(held, rng)}


def right_value(function: str, parameter: inspect.Parameter) -> Any:
    """Return a value that the argument of a function takes, as well as its name and its hint
    tell."""
    held, name, hint = world(), parameter.name, str(parameter.annotation)
    own = f"{function.split('.')[-1]}.{name}"
    if own in held["one function"]:
        return held["one function"][own]
    for kind, values in (
        ("DataArray", held["DataArray"]),
        ("Dataset", held["Dataset"]),
        ("Tensor", _tensors()),
        ("ndarray", held["array"]),
        ("Axes", {"ax": _axes()}),
    ):
        if kind in hint:
            return values.get(name, next(iter(values.values())))
    if name in held["plain"]:
        return held["plain"][name]
    if parameter.default is not inspect.Parameter.empty:
        return parameter.default
    return held["array"].get(name, held["Dataset"].get(name, 1))


def _axes() -> Any:
    """Axes of a figure of their own, which no other call has drawn in."""
    from matplotlib.figure import Figure

    return Figure().subplots()


@functools.cache
def _tensors() -> dict[str, Any]:
    import torch

    made = torch.Generator().manual_seed(0)
    shapes = {
        "inputs": (6, 4),
        "targets": (6, 4),
        "output_weights": (4, 5),
        "covariance": (5, 5),
        "drive": (6, 5),
        "correlation": (5,),
        "outputs": (6, 4),
    }
    return {
        "any": torch.rand(5, generator=made),
        **{name: torch.rand(*shape, generator=made) for name, shape in shapes.items()},
    }


def _numbers() -> dict[str, Any]:
    return {
        "absent": 0.0,
        "active_fraction": 0.2,
        "area": None,
        "autocorrelation": 0.7,
        "batch": 4,
        "bend": 1.0,
        "bin_size": 4.0,
        "bins": 5,
        "bootstraps": 2,
        "checkpoint": None,
        "confidence": 0.9,
        "confused": 0.1,
        "convention": "mean_of_ratios",
        "correlation": 0.3,
        "cosine": 0.4,
        "count": 1,
        "curvature": 2.0,
        "decay_time": 0.5,
        "detection_threshold": 2.0,
        "device": "cpu",
        "dim": "place",
        "distance": 1.0,
        "dry_run": True,
        "elapsed": 1.0,
        "extent": 10.0,
        "final_gain": 1.0,
        "final_time": 0.5,
        "format": "npz",
        "fraction": 0.5,
        "fractions": (0.5, 1.0),
        "generations": 1,
        "hidden_layers": 1,
        "high": 100.0,
        "inputs": 4,
        "labels": 3,
        "law": "gaussian",
        "learning_rate": 0.05,
        "length": 100.0,
        "lifetime": 5.0,
        "longest_lag": 2.0,
        "low": 0.0,
        "minimum_events": 1.0,
        "minimum_occupancy": 0.0,
        "minimum_shift": 1,
        "minimum_speed": 0.0,
        "name": "loss",
        "names": ("loss",),
        "nodes": 101,
        "noise": "update",
        "noise_std": 0.2,
        "outputs": 3,
        "pairs": 50,
        "parameter": 0.5,
        "parameters": 10,
        "place": 0,
        "places": PLACES,
        "points": 10,
        "pooling": 0.0,
        "population": 4,
        "postsynaptic_window": 1,
        "preference": 0.0,
        "presynaptic_window": 2,
        "preset": "random",
        "progress": False,
        "reach": 2.0,
        "recording": "karlsson2015",
        "repetitions": 3,
        "restarts": 1,
        "ridge": 0.1,
        "runs": 2,
        "sample_duration": 0.05,
        "sampling_rate": 20.0,
        "seed": 0,
        "seeds": (0, 1),
        "session": 0,
        "sessions": (0, 1),
        "shuffles": 20,
        "silent": 0.0,
        "simulations": 1,
        "size": 4,
        "smoothing": 1.0,
        "spacing": 1.0,
        "span": 1.0,
        "standard_deviation": 1.0,
        "std": 0.1,
        "step": 3,
        "steps": (1, 2),
        "subject": 0,
        "subsets": 2,
        "terms": 3,
        "text": "{}",
        "threads": 1,
        "threshold": 0.1,
        "time_scale": 1.0,
        "tolerance": 1e-9,
        "total": 1.0,
        "training_points": 4,
        "units": UNITS,
        "variance": 0.1,
        "variant": "subtract",
        "walkers": 4,
        "width": 1.0,
        "winners": 2,
        "x": 1.0,
        "title": "A title",
        "measure": "spatial_information",
    }


def _session(number: int, subject: str = "a") -> xr.Dataset:
    rng = np.random.default_rng(number)
    position = 50 + 45 * np.sin(np.arange(600) / 20)
    rates = 3 * np.exp(-((position[:, None] - np.linspace(10, 90, UNITS)) ** 2) / 200)
    labels = {
        "subject": subject,
        "session": number,
        "elapsed": float(number),
        "elapsed_units": "day",
        "environment": "A",
        "source": "drawn",
    }
    return session_dataset(
        activity=rng.poisson(rates * 0.5),
        position=position,
        sampling_rate=20.0,
        unit_identity=subject,
        bin_size=10.0,
        minimum_speed=0.0,
        **labels,
    )


def _labelled(rng: np.random.Generator) -> dict[str, Any]:
    weights = ("input_weights", "bias", "output_weights", "sample_activity")
    recipe = drift.Experiment(
        task=drift.CorridorTask(samples=20, rays=4),
        network=drift.Network(units=UNITS),
        steps=20,
        sessions=SESSIONS,
        noise=[drift.UpdateNoise(std=0.1)],
    )
    probes = (
        "loss",
        "relative_loss",
        "fraction_active_responses",
        "fraction_active_units",
        "rate",
        "occupancy",
        "squared_norm",
        *weights,
    )
    run = drift.train(
        [recipe, recipe.replace(seed=1)], probes=probes, engine="batched", progress=False
    )
    recorded = [_session(number) for number in range(SESSIONS)]
    measured = drift.measure(recorded)
    session, one = recorded[0], measured.isel(session=0)
    place_index = metrics.assign_places(session["position"], np.linspace(0, 100, PLACES + 1))
    hidden = xr.DataArray(
        rng.random((SESSIONS, SAMPLES, UNITS)), dims=("session", "sample", "unit")
    )
    arrays = {
        "activity": session["activity"],
        "position": session["position"],
        "place_index": place_index,
        "direction": xr.ones_like(place_index),
        "rate": measured["rate"],
        "occupancy": measured["occupancy"],
        "information": measured["spatial_information"],
        "spatial_information": measured["spatial_information"],
        "place_unit": one["place_unit"].isel(subject=0),
        "hidden": hidden,
        "drive": hidden - 0.5,
        "bias": xr.DataArray(rng.normal(size=UNITS), dims="unit"),
        "std": xr.DataArray([0.1, 0.2, 0.3], dims="session"),
        "input_weights": xr.DataArray(rng.normal(size=(UNITS, 4)), dims=("unit", "input")),
        "inputs": xr.DataArray(rng.random((SAMPLES, 4)), dims=("sample", "input")),
        "output_weights": xr.DataArray(rng.normal(size=(4, UNITS)), dims=("output", "unit")),
        "fraction": run["fraction_active_responses"],
        "step": run["elapsed"],
        "elapsed": measured["elapsed"],
        "values": measured["fraction_active_units"],
        "centres": _centres(rng),
        "outputs": xr.DataArray(rng.random((SAMPLES, 4)), dims=("sample", "output")),
        "maps": measured["rate"].isel(subject=0, session=0),
        "images": xr.DataArray(rng.random((SAMPLES, 4)), dims=("sample", "output")),
        "recorded": session["activity"].isel(sample=0) >= 0,
        "correlation": metrics.mean_rate_map_correlation(measured),
        "keep": None,
    }
    sets = {
        "run": run,
        "dataset": measured,
        "recorded": measured,
        "recording": measured,
        "like": measured,
        "session": session,
    }
    return {"DataArray": arrays, "Dataset": {**sets, "sessions": recorded}}


def _centres(rng: np.random.Generator) -> xr.DataArray:
    elapsed = ("session", np.arange(20.0), {"units": "step"})
    return xr.DataArray(
        rng.random((20, 4)),
        dims=("session", "unit"),
        coords={"session": np.arange(20), "elapsed": elapsed},
    )


def _arrays(rng: np.random.Generator) -> dict[str, Any]:
    kernel = np.exp(-np.abs(np.subtract.outer(np.arange(10), np.arange(10))) / 3.0)
    walk = np.cumsum(rng.normal(size=(30, 4)), axis=0)
    return {
        "edges": np.linspace(0, 100, PLACES + 1),
        "eigenvalues": np.array([3.0, 2.0, 1.0, 0.5]),
        "kernel": kernel,
        "targets": rng.normal(size=10),
        "coefficients": np.ones(4),
        "covariance": np.eye(4),
        "position_correlation": kernel,
        "input_correlation": kernel,
        "code": walk,
        "time": np.arange(30.0),
        "values": np.exp(-np.arange(30.0)),
        "one": rng.random((UNITS, 4)),
        "other": rng.random((UNITS, 4)),
        "active_fractions": np.array([0.1, 0.2]),
        "poolings": np.array([0.0, 0.1]),
        "axes": np.array([]),
    }


def _objects() -> dict[str, Any]:
    folder = Path(tempfile.mkdtemp(prefix="repdrift-fuzz-"))
    circuit = circuits.LinearInterneuron(units=UNITS)
    return {
        "circuit": circuit,
        "circuits": [circuit],
        "base": drift.Experiment(),
        "experiments": [drift.Experiment(steps=5, sessions=2)],
        "recipes": [drift.Experiment(steps=5, sessions=2)],
        "rng": np.random.default_rng(0),
        "generator": np.random.default_rng(0),
        "path": folder / "file.nc",
        "folder": folder / "results",
        "cache": folder,
        "table": None,
        "networks": [
            SimilarityMatching(inputs=RingInputs(angles=20), units=4, steps=20, sessions=3)
        ],
        "objects": {},
        "engine": "fixed_point",
        "executor": "serial",
        "shape": (2, 2),
        "start": (3.0, 0.5),
        "rows": [("a", 0.1, 0.2)],
        "overwrite": True,
        "probes": ("loss",),
        "statistics": ("fraction_active_responses",),
    }


def _several_rooms(dataset: xr.Dataset) -> dict[str, Any]:
    """What functions take that need sessions in several rooms, or tracked units."""
    sizes = [dataset.sizes[dim] for dim in ("subject", "session")]
    labels = np.tile(np.where(np.arange(sizes[1]) % 2, "B", "A"), (sizes[0], 1))
    halved = dataset.assign(rate_half=dataset["rate"].expand_dims(half=2, axis=-1))
    several = dataset.assign_coords(environment=(("subject", "session"), labels))
    across = metrics.population_vector_correlation(several, across_environments=True)
    return {
        "remapping.dataset": several,
        "correlation_by_environment.correlation": across.isel(subject=0),
        "correlation_by_environment.elapsed": several["elapsed"].isel(subject=0),
        "corrected_similarity.match_probability": metrics.match_probability(dataset, 0.1),
        "match_probability.wrong_matches": 0.1,
        "corrected_similarity.dataset": halved,
        "wrong_matches.dataset": halved,
        "wrong_matches.rates": np.array([0.0, 0.1]),
        "wrong_match_sensitivity.curve": metrics.wrong_matches(halved, select="all"),
    }


def _of_one_function(held: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    from drift.theory import landscape
    from drift.theory.generalisation.measurement import SparseNetwork
    from drift.theory.landscape import hessian_spectrum, network_point, regularisers
    from drift.theory.landscape import spectrum as curvature_spectrum

    point = network_point(
        rng.normal(size=(6, 3)),
        rng.normal(size=(6, 2)),
        rng.normal(size=(4, 4)),
        rng.normal(size=(4, 2)),
    )
    network = held["plain"]["networks"]
    matched, drive = simulate(network, progress=False), rng.normal(size=(3, UNITS))
    both = {
        "corridor_code.drive": xr.DataArray(drive, dims=("sample", "unit")),
        "settle.drive": drive,
        "fixed_point.drive": drive,
        "top_k_winners.drive": drive,
        "sparsemax.drive": drive,
        "run_sessions.elapsed": [0.0, 1.0],
        "run_sessions.inputs": circuits.PlaceInput(),
        "recorded_circuit.inputs": circuits.PlaceInput(),
        "recorded_circuit.drift": circuits.WeightDrift(),
        "recorded_circuit.design": drift.recording_design([0.0, 1.0], 4, places=PLACES),
        "recording_design.elapsed": [0.0, 1.0],
        "wandering_fields.sessions": SESSIONS,
        "wandering_fields.width": 0.2,
        "wandering_fields_correlation.width": 0.2,
        "fit.parameters": {"gain": (0.5, 50.0)},
        "fit.statistics": ("active_fraction",),
        "network_errors.networks": SparseNetwork(20, 0.2),
        "train.engine": "auto",
        "run_sweep.engine": "auto",
        "stream.name": "world",
        "estimate.noise": "poisson",
        "summary.name": "jercog2019",
        "padded.spectrum": hessian_spectrum(point),
        "hessian_spectra.points": [point],
        "network_point.inputs": rng.normal(size=(6, 3)),
        "network_point.targets": rng.normal(size=(6, 2)),
        "network_point.inward": rng.normal(size=(4, 4)),
        "network_point.outward": rng.normal(size=(4, 2)),
        "drift_rate.time": np.arange(30.0),
        "kappa.variant": "subtract",
        "weight_autocorrelation.law": "free_diffusion",
        "measure.name": "loss",
        **of_stability(),
        **_several_rooms(held["Dataset"]["dataset"]),
    }
    of_matched = (
        "field_centres",
        "principal_subspace_error",
        "rotational_diffusion_constant",
        "similarity_change",
    )
    named = {f"{name}.run": matched for name in of_matched}
    with_point = [name for name in dir(landscape) if not name.startswith("_")] + [
        name for name in dir(regularisers) if not name.startswith("_")
    ]
    return {
        **both,
        **named,
        **{f"{name}.point": point for name in (*with_point, *dir(curvature_spectrum))},
    }
