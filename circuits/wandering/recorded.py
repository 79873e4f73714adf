"""Recordings of circuits whose parameters are known: what a fit is given, and what it must find."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import xarray as xr

from circuits.base import Circuit
from circuits.simulation.settled_rates import Engine
from circuits.wandering.excitability import Excitability
from circuits.wandering.sessions import run_sessions
from circuits.wandering.weight_drift import WeightDrift, checked_excitabilities
from drift.door import opened
from drift.door.quantities import SamplingRate, Seed
from drift.errors import RefusedInputError
from drift.measurement.measuring import measure
from drift.observation.observing import observe
from drift.schema.labelled_form import check


@opened
def recorded_circuit(
    circuit: Circuit,
    inputs: Any,
    drift: WeightDrift | Mapping[str, Any] | None,
    design: xr.Dataset,
    *,
    seed: Seed = 0,
    engine: Engine = "fixed_point",
    sampling_rate: SamplingRate = 10.0,
    halves: Literal["trials", "time"] | None = None,
    excitability: Excitability | Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """Let a circuit drift through the sessions of a design, observe it as an experimenter would,
    and measure what was observed.

    ``run_sessions``, ``drift.observe`` and ``drift.measure``, one after the other. What is known of
    it: the weights of two sessions a time t apart correlate as r(t) of
    ``WeightDrift.autocorrelation`` (exp(-t / T), T the weight lifetime, with one time scale); the
    drives of all units at two places a distance D apart as r(t) c0(D), c0 that of ``PlaceInput``;
    and the closed form
    of the circuit says which of them are active. ``fit`` to the recording, or ``drift.estimate``,
    finds as much of this as the design allows: before an experiment, whether it would tell.

    Parameters
    ----------
    circuit : Circuit
        With at least as many units as the design has cells, or fewer are recorded.
    inputs : PlaceInput, drift task or xarray.Dataset
        What the circuit sees of places, which are laid along those of the design.
    drift : WeightDrift or None
        How weights wander, None for weights that stay. Lifetime in the time units of the design.
    design : xarray.Dataset
        Of one animal: of ``drift.recording_design``, or a measured recording.
    seed : int
        Of weights, of their steps, and of what is observed.
    engine : {"brian2", "compiled", "fixed_point"}
        Settle in Brian2, in loops compiled from its code, or take the closed form.
    sampling_rate : float
        In Hz.
    halves : {"trials", "time"}, optional
        Of sessions, as ``drift.measure`` takes them.
    excitability : Excitability, optional
        How excitable units are. Lifetime in the time units of the design.

    Returns
    -------
    xarray.Dataset
        Longitudinal Dataset (subject, session, unit, place) as ``drift.measure`` gives it; the
        attributes ``circuit``, ``weight_drift`` and, where there is one, ``excitability`` hold the
        truth as JSON.

    Raises
    ------
    RefusedInputError
        If the design has several subjects, its elapsed time does not rise, or the inputs have no
        places.
    SchemaError
        If the design lacks a variable.
    """
    check(design, "rate", "occupancy", "recorded", "elapsed")
    if design.sizes["subject"] != 1:
        raise RefusedInputError(
            f"a design of one animal is needed, got {design.sizes['subject']} subjects: take one "
            "with design.isel(subject=[0])."
        )
    wandering = WeightDrift(**drift) if isinstance(drift, Mapping) else drift
    run = run_sessions(
        [circuit], inputs, [wandering], elapsed=design["elapsed"].values,
        elapsed_units=str(design["elapsed"].attrs.get("units", "1")), seeds=[seed], engine=engine,
        progress=False, excitability=excitability,
    )  # fmt: skip
    sessions = observe(run, design, seed=seed, sampling_rate=sampling_rate, time_scale=1.0)
    truth = {"circuit": circuit.to_json(), "weight_drift": "none"}
    if wandering is not None:
        truth["weight_drift"] = wandering.to_json()
    if (state := checked_excitabilities(excitability, 1)[0]) is not None:
        truth["excitability"] = state.to_json()
    return measure(sessions, halves=halves).assign_attrs(truth)
