"""A drifting interneuron circuit fitted to sessions, with what the sessions do and do not tell
about it.

First a circuit with known parameters is simulated, observed as an experimenter would, and fitted,
so that estimates can be held against the truth. Then the same circuit is fitted to a recording: the
one given by --recording, or the mouse whose files are at hand. Recordings that do not track their units say
nothing about how fast weights wander; the fit reports it.
"""

from __future__ import annotations

import matplotlib

matplotlib.use("Agg")

import numpy as np
import options
import xarray as xr

import circuits
import data_adapters
import drift
from drift.fit_words import interval_words

TRUTH = {
    "gain": 78.7,
    "input_width": 8.0,
    "weight_lifetime": 10.0,
}  # 5 % of the units win; cm; days
PLACES, BIN, MINUTES = 24, 4.0, 10.0
CELLS, SESSIONS = 200, 8
CIRCUIT = circuits.LinearInterneuron(units=200)
BOUNDS = {"gain": (1.0, 1000.0), "input_width": (2.0, 40.0), "weight_lifetime": (1.0, 100.0)}
EFFORT = {"restarts": 2, "population": 8, "generations": 20}
QUICK = {"restarts": 1, "population": 4, "generations": 2, "bootstraps": 20}


def main() -> None:
    asked = options.parser(__doc__, "fit_circuit").parse_args()
    names = [
        "fit_synthetic.nc",
        "fit_synthetic.png",
        "fit_recording.nc",
        "fit_recording.png",
        "fit_circuit.txt",
    ]
    synthetic_file, synthetic_figure, recorded_file, recorded_figure, table = options.results(
        asked.out, names, asked.overwrite
    )
    recording = options.recording(asked.recording)
    effort = {**(QUICK if asked.quick else EFFORT), "seed": asked.seed}

    observed = synthetic(asked.seed, 40 if asked.quick else CELLS, 3 if asked.quick else SESSIONS)
    known = circuits.fit(
        CIRCUIT.replace(units=60) if asked.quick else CIRCUIT, observed, BOUNDS, **effort
    )
    known.save(synthetic_file, overwrite=asked.overwrite)
    known.plot().savefig(synthetic_figure, dpi=160)
    text = ["=== simulated circuit ===", against_truth(known), *known.sentences()[len(TRUTH) :]]

    if recording is not None:
        sessions = data_adapters.sessions(recording[0], recording[1], **recording[2])
        measured = drift.measure(sessions, direction="pooled").isel(subject=[0])
        found = circuits.fit(
            CIRCUIT.replace(units=60) if asked.quick else CIRCUIT,
            measured,
            within(measured),
            **effort,
        )
        found.save(recorded_file, overwrite=asked.overwrite)
        found.plot().savefig(recorded_figure, dpi=160)
        text += ["", f"=== recording: {recording[0]} ===", *found.sentences()]
    table.write_text("\n".join(text) + "\n")
    print("\n".join(text))
    print(f"results: {asked.out}")


def synthetic(seed: int, cells: int, sessions: int) -> xr.Dataset:
    """Simulate the circuit of the truth and measure what an experimenter would have observed of
    it."""
    days = np.arange(float(sessions))
    return circuits.recorded_circuit(
        circuits.LinearInterneuron(units=4 * cells, gain=TRUTH["gain"]),
        circuits.PlaceInput(places=PLACES, length=PLACES * BIN, width=TRUTH["input_width"]),
        circuits.WeightDrift(weight_lifetime=TRUTH["weight_lifetime"]),
        drift.recording_design(days, cells, places=PLACES, bin_size=BIN, minutes=MINUTES),
        seed=seed, engine="brian2",
    )  # fmt: skip


def within(measured: xr.Dataset) -> dict[str, tuple[float, float]]:
    """Bounds for a recording: inputs from one bin to the whole track."""
    length = (
        float(np.ptp(measured["place"].values))
        if "place_x" not in measured.coords
        else float(np.ptp(measured["place_x"].values))
    )
    return {
        **BOUNDS,
        "input_width": (
            float(measured.attrs["bin_size"]),
            max(length, 2 * float(measured.attrs["bin_size"])),
        ),
    }


def against_truth(found: circuits.Fit) -> str:
    rows = [f"{'parameter':16s}{'truth':>9s}{'estimate':>10s}   95 % interval"]
    one = found.dataset.isel(subject=0)
    for name, truth in TRUTH.items():
        told = interval_words(one, name) or "none: the search has not ended, or ended at a bound"
        known = "" if one["identified"].sel(parameter=name).item() else "   not identified"
        rows.append(
            f"{name:16s}{truth:9.4g}{one['estimate'].sel(parameter=name).item():10.4g}   "
            f"{told}{known}"
        )
    return "\n".join(rows)


if __name__ == "__main__":
    options.run(main)
