"""How well a readout of one session reads another."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Annotated, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from drift.door import opened
from drift.door.quantities import (
    UNBOUNDED,
    Count,
    Draws,
    NotNegative,
    Positive,
    Range,
    Seed,
    Smoothing,
)
from drift.errors import RefusedInputError
from drift.measurement.rules import Measurement
from drift.metrics.decoders.bayes import Bayes
from drift.metrics.decoders.constrained import constrained_readings
from drift.metrics.decoders.labelling import labelled_scores
from drift.metrics.decoders.linear import Linear
from drift.metrics.decoders.placing import placed_sessions
from drift.metrics.decoders.readings import Crew, readings
from drift.metrics.decoders.scores import Rules, scores
from drift.metrics.decoders.template import Template
from drift.metrics.decoders.training import Decoder
from drift.metrics.decoders.windows import Windows, session_windows
from drift.metrics.event_kinds import activity_kind

Coupling = Annotated[float, Range(0), UNBOUNDED]


@opened
def decoding(
    sessions: xr.Dataset | Iterable[xr.Dataset],
    decoder: Literal["bayes", "template", "linear"] = "bayes",
    readout: Literal["fixed", "refitted", "sliding", "pooled", "constrained"] = "fixed",
    *,
    window: Positive = 0.25,
    bin_size: float | None = None,
    minimum_speed: float | None = None,
    direction: Literal["auto", "split", "pooled"] = "auto",
    minimum_events: NotNegative = 10,
    minimum_windows: Count = 4,
    floor: Positive = 0.001,
    prior: Literal["occupancy", "flat"] = "occupancy",
    smoothing: Smoothing = 0.0,
    coupling: Coupling = 1.0,
    shuffles: Draws = 3,
    minimum_shift: NotNegative = 10.0,
    confusion: bool = False,
    seed: Seed = 0,
) -> xr.Dataset:
    """Decode where an animal was in one session by what its units did in another.

    A session is cut into windows of frames that follow each other, all of which count as in
    ``drift.measure``, in one trial and one running direction. A decoder learns from the windows of
    the session trained, and tells the place of each window of the session tested. Sessions of
    different environments, or without a common ``unit_identity``, are not decoded across. No window
    is read by a readout that saw it: where a session is read by itself, the trials are left out one
    by one (tenths of a session that has none).

    Parameters
    ----------
    sessions : iterable of xarray.Dataset
        Session Datasets with ``activity`` (sample, unit), counts or amplitudes, which count as one
        event each, and ``position`` (sample[, axis]); see ``drift.measure``. They are taken one at
        a time.
    decoder : {"bayes", "template", "linear"}
        Most probable state under Poisson events; state whose population vector correlates best;
        ridge regression of the position. States are place and running direction, errors count place
        only. See ``drift.metrics.decoders``.
    readout : {"fixed", "refitted", "sliding", "pooled", "constrained"}
        Trained on one session and tested on every other; trained on the tested session, on the same
        units as the fixed readout of the pair; trained on the session before; one readout for all
        sessions, on the units observed in all of them, which stands at ``session`` =
        ``session_other``; a linear readout on these units that changes from session to session as
        ``coupling`` lets it, with a fifth of the trials left out at a time.
    window : float
        Length of a window, s: the fewest whole frames that last as long.
    bin_size, minimum_speed, direction
        Places, running and directions, as in ``drift.measure``.
    minimum_events : float
        Events that make a unit active; units count that were observed in both sessions and active
        in either, at rest or running.
    minimum_windows : int
        Windows in training that a state needs to be decoded.
    floor : float
        Least rate of the Bayesian decoder, events/s.
    prior : {"occupancy", "flat"}
        Of its states: time spent in training, or equal.
    smoothing : float
        Of the rates in training, over places, in bins; none for the linear decoder.
    coupling : float
        Of a constrained readout, in squared events: 0 is a readout for each session, infinity one
        for all. See ``drift.metrics.decoders.constrained``.
    shuffles : int
        Draws of units in disorder; 0 for no chance at all.
    minimum_shift : float
        Smallest shift of the path against its decoded copy, in s of windows.
    confusion : bool
        Add which places are decoded where.
    seed : int
        Seed of chance.

    Returns
    -------
    xarray.Dataset
        By subject, ``session`` trained and ``session_other`` tested: ``decoding_error`` and
        ``median_decoding_error`` (units of position, mean and median over windows of the distance
        between the true position and the decoded place, around a ring the shorter way),
        ``decoding_accuracy`` (share of windows in their bin), ``decoded_windows``,
        ``decoding_units``, and by chance ``shuffled_decoding_error``,
        ``shuffled_decoding_accuracy`` (units of the tested session in disorder) and
        ``shifted_decoding_error`` (decoded path against the true one moved in time, 50 shifts),
        means over these; on request ``confusion`` (..., place, place_decoded), shares of the
        windows of each place; of a constrained readout ``weight_change``, how far its weights
        moved since the session before over their mean length. NaN where sessions are not decoded
        across. Coordinates ``elapsed``, ``environment``, ``unit_identity``; the attribute
        ``decoding`` holds the options.

    Raises
    ------
    RefusedInputError
        If there is no session, one has no window or no unit, activity is a trace and the decoder
        Bayesian, a decoder is constrained that is not linear, samples are labelled by stimuli, a
        session occurs twice, elapsed falls, or sessions do not share grid and directions.
    SchemaError
        If a session lacks a variable.

    References
    ----------
    Zhang, Ginzburg, McNaughton & Sejnowski 1998; Geva, Deitch, Rubin & Ziv 2023; Rule, Loback,
    Raman, Driscoll, Harvey & O'Leary 2020.
    """
    if readout == "constrained" and decoder != "linear":
        raise RefusedInputError(
            f'readout="constrained" changes the weights of decoder="linear", got {decoder!r}: use '
            "this decoder."
        )
    options = {name: option for name, option in locals().items() if name != "sessions"}
    measurement = Measurement(bin_size=bin_size, minimum_speed=minimum_speed, direction=direction)
    session_list = [sessions] if isinstance(sessions, xr.Dataset) else sessions
    windows = [_windows(session, measurement, window, decoder) for session in session_list]
    if not windows:
        raise RefusedInputError(
            "there is no session to decode: check the path and the filters of the reader."
        )
    crews, places = placed_sessions(windows)
    chance = Rules(shuffles, minimum_shift, confusion, seed)
    spread = smoothing * windows[0].domain.grid.bin_size
    way = _decoder(decoder, floor, minimum_windows, prior, spread)
    table: dict[tuple[str, int, int], dict[str, NDArray | float]] = {}
    for subject, (placed, track) in crews.items():
        crew = Crew(placed, track, way, minimum_events)
        constrained = readout == "constrained"
        for reading in (
            constrained_readings(crew, coupling) if constrained else readings(crew, readout)
        ):
            pair = [placed[day].windows.labels for day in (reading.trained, reading.tested)]
            trained, tested = (int(labels["session"]) for labels in pair)
            table[subject, trained, tested] = scores(crew, reading, chance)
    numbers = {subject: track.numbers for subject, (_, track) in crews.items()}
    return labelled_scores(
        windows, places, numbers, table, {"decoding": json.dumps(options, default=_plain)}
    )


def _plain(number: np.generic) -> float | int:
    """A number of numpy as JSON takes it."""
    plain: float | int = number.item()
    return plain


def _windows(session: xr.Dataset, rules: Measurement, window: float, decoder: str) -> Windows:
    windows = session_windows(session, rules, window)
    if decoder == "bayes" and activity_kind(session["activity"]) == "trace":
        raise RefusedInputError(
            f"{windows.name}: the Bayesian decoder needs events, got a trace: detect events "
            'first, or use decoder="template" or "linear".'
        )
    return windows


def _decoder(
    decoder: str, floor: float, minimum_windows: int, prior: str, smoothing: float
) -> Decoder:
    if decoder == "bayes":
        return Bayes(floor, minimum_windows, prior, smoothing)
    return Template(minimum_windows, smoothing) if decoder == "template" else Linear()
