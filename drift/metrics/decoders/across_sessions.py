"""How well a readout of one session reads another."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

import xarray as xr
from numpy.typing import NDArray

from drift.door import opened
from drift.door.quantities import (
    UNBOUNDED,
    Count,
    Draws,
    NoiseSize,
    NotNegative,
    Positive,
    Range,
    Seed,
    Smoothing,
)
from drift.errors import RefusedInputError
from drift.measurement.rules import Measurement
from drift.metrics.decoders.bayes import Bayes
from drift.metrics.decoders.classifier import Classifier
from drift.metrics.decoders.constrained import constrained_readings
from drift.metrics.decoders.labelling import labelled_scores
from drift.metrics.decoders.linear import PENALTIES, Linear
from drift.metrics.decoders.placing import placed_sessions
from drift.metrics.decoders.readings import Crew, readings
from drift.metrics.decoders.run_windows import is_run, refuse_measured, run_windows
from drift.metrics.decoders.scores import Rules, scores
from drift.metrics.decoders.template import Template
from drift.metrics.decoders.training import Decoder
from drift.metrics.decoders.windows import Windows, session_windows
from drift.observation.observing import observe

Code = xr.Dataset | Iterable[xr.Dataset]
Coupling = Annotated[float, Range(0), UNBOUNDED]


@opened
def decoding(
    code: xr.Dataset | Iterable[xr.Dataset],
    decoder: Literal["auto", "bayes", "template", "linear", "classifier"] = "auto",
    readout: Literal["fixed", "refitted", "sliding", "pooled", "constrained"] = "fixed",
    *,
    like: xr.Dataset | Iterable[xr.Dataset] | None = None,
    noise: NoiseSize = 0.0,
    window: Positive = 0.25,
    bin_size: float | None = None,
    minimum_speed: float | None = None,
    direction: Literal["auto", "split", "pooled"] = "auto",
    minimum_events: NotNegative = 10,
    minimum_windows: Count = 4,
    floor: Positive = 0.001,
    prior: Literal["occupancy", "flat"] = "occupancy",
    smoothing: Smoothing = 0.0,
    penalty: NotNegative | None = None,
    coupling: Coupling = 1.0,
    shuffles: Draws = 3,
    minimum_shift: NotNegative = 10.0,
    confusion: bool = False,
    seed: Seed = 0,
) -> xr.Dataset:
    """Decode where an animal or a network was in one session, or what it was shown, by what its
    units did in another.

    A session is cut into windows of frames that follow each other, all of which count as in
    ``drift.measure``, in one trial and one running direction, or with one stimulus. A decoder
    learns from the windows of the session trained, and tells the place of each window of the
    session tested. Sessions of different environments, or without a common ``unit_identity``, are
    not decoded across. No window is read by a readout that saw it: where a session is read by
    itself, the trials are left out one by one (tenths of a session that has none; of stimuli
    without trials, the first, second, ... presentation of each).

    A run, that is, a network, a circuit or a code of known drift, has rates without noise and
    without frames. Through a lens, ``like``, it is observed as an animal is, and decoded by its
    events. Without one it is decoded by its activity at each place: one window for each place and
    running direction, or ten with ``noise``, of which a refitted readout is left one in turn;
    without noise there is nothing to leave out, and the error of a refitted readout says which
    places the code does not tell apart.

    Parameters
    ----------
    code : xarray.Dataset or iterable of xarray.Dataset
        Session Datasets with ``activity`` (sample, unit), counts or amplitudes, which count as one
        event each, or a trace, and ``position`` (sample[, axis]) or ``stimulus`` (sample); see
        ``drift.measure``. They are taken one at a time. Or a run: a longitudinal Dataset with
        ``rate``, of ``drift.train``, of circuits that wander, of ``drift.wandering_fields``.
    decoder : {"auto", "bayes", "template", "linear", "classifier"}
        Most probable state under Poisson events; state whose population vector correlates best;
        ridge regression of the position; linear classifier of states. States are place and running
        direction, or stimuli; errors count place only. "auto" is "bayes" where there are events,
        "template" where activity is a trace, as that of a run is. See ``drift.metrics.decoders``.
    readout : {"fixed", "refitted", "sliding", "pooled", "constrained"}
        Trained on one session and tested on every other; trained on the tested session, on the same
        units as the fixed readout of the pair; trained on the session before; one readout for all
        sessions, on the units observed in all of them, which stands at ``session`` =
        ``session_other``; a linear readout on these units that changes from session to session as
        ``coupling`` lets it, with a fifth of the trials left out at a time.
    like : xarray.Dataset or iterable of xarray.Dataset, optional
        Lens of a run: a recording, its sessions, or ``drift.recording_design``; see
        ``drift.observe``. Sessions are then those of the lens.
    noise : float
        Of the activity of a run without a lens: standard deviation, in units of the root mean
        square of its activity over sessions, units and places.
    window : float
        Length of a window, s: the fewest whole frames that last as long.
    bin_size, minimum_speed, direction
        Places, running and directions of sessions, as in ``drift.measure``.
    minimum_events : float
        Events that make a unit active; units count that were observed in both sessions and active
        in either, at rest or running. Of a run without a lens all count.
    minimum_windows : int
        Windows in training that a state needs to be decoded.
    floor : float
        Least rate of the Bayesian decoder, events/s.
    prior : {"occupancy", "flat"}
        Of its states: time spent in training, or equal.
    smoothing : float
        Of the rates in training, over places, in bins; none for the linear decoders.
    penalty : float, optional
        Of the linear decoders, in squared events or squared activity; by default the one of seven,
        a hundredth to ten thousand, with the least error of windows left out one by one.
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
        Seed of chance, of the lens and of the noise.

    Returns
    -------
    xarray.Dataset
        By subject, ``session`` trained and ``session_other`` tested: ``decoding_error`` and
        ``median_decoding_error`` (units of position or of the stimulus, mean and median over
        windows of the distance between what was and what is decoded, around a ring or a period the
        shorter way; none for stimuli without a metric),
        ``decoding_accuracy`` (share of windows in their bin), ``decoded_windows``,
        ``decoding_units``, and by chance ``shuffled_decoding_error``,
        ``shuffled_decoding_accuracy`` (units of the tested session in disorder),
        ``shifted_decoding_error`` and ``shifted_decoding_accuracy`` (decoded path against the true
        one moved in time, 50 shifts; none for a run without a lens), means over these; of the
        decoder "linear" ``readout_error``, the mean squared error of its outputs, which
        ``drift.theory.code_drift.readout_error`` predicts; on request ``confusion`` (..., place,
        place_decoded), shares of the windows of each place; of a constrained readout
        ``weight_change``, how far its weights moved since the session before over their mean
        length. NaN where sessions are not decoded across. Coordinates ``elapsed``,
        ``environment``, ``unit_identity``; the attribute ``decoding`` holds the options.

    Raises
    ------
    RefusedInputError
        If there is no session, one has no window or no unit, activity is a trace and the decoder
        Bayesian, a decoder is constrained that is not linear, or linear where stimuli have no
        metric, a session occurs twice, elapsed falls, sessions do not share grid and directions,
        maps are those of a measured recording, or a lens or noise is given for sessions.
    SchemaError
        If a session lacks a variable.

    References
    ----------
    Zhang, Ginzburg, McNaughton & Sejnowski 1998; Geva, Deitch, Rubin & Ziv 2023; Rule, Loback,
    Raman, Driscoll, Harvey & O'Leary 2020.
    """
    options = {name: option for name, option in locals().items() if name not in ("code", "like")}
    measurement = Measurement(bin_size=bin_size, minimum_speed=minimum_speed, direction=direction)
    windows = _windows(code, like, noise, measurement, window, seed)
    fitting = _fitting(windows, decoder, readout)
    options |= {"decoder": fitting, "like": like is not None}
    crews, places = placed_sessions(windows)
    chance = Rules(shuffles, minimum_shift, confusion, seed)
    spread = _spread(windows, places, smoothing)
    noise_free = all(session.visits == 1 for session in windows)
    bayes = Bayes(floor, 1 if noise_free else minimum_windows, prior, spread)
    way = _decoder(fitting, bayes, None if penalty is None else (penalty,), noise_free)
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
    return labelled_scores(windows, places, numbers, table, {"decoding": json.dumps(options)})


def _windows(
    code: Code, like: Code | None, noise: float, rules: Measurement, window: float, seed: int
) -> list[Windows]:
    """Windows of sessions, of a run that is observed, or of a run as it is."""
    if is_run(code) and like is None:
        assert isinstance(code, xr.Dataset)
        windows = run_windows(code, noise, seed)
    else:
        _refuse_noise(noise)
        sessions = _sessions(code, like, seed)
        windows = [session_windows(session, rules, window) for session in sessions]
    if not windows:
        raise RefusedInputError(
            "there is no session to decode: check the path and the filters of the reader."
        )
    return windows


def _refuse_noise(noise: float) -> None:
    if noise:
        raise RefusedInputError(
            f"noise={noise:g} is for a run that is decoded without a lens; events have their own: "
            "leave it out."
        )


def _sessions(code: Code, like: Code | None, seed: int) -> Iterator[xr.Dataset]:
    """Session Datasets, of a run through the lens."""
    if like is None:
        yield from [code] if isinstance(code, xr.Dataset) else code
        return
    if not isinstance(code, xr.Dataset) or not is_run(code):
        raise RefusedInputError(
            "like is the lens of a run, got sessions, which are decoded as they are: leave it out."
        )
    refuse_measured(code)
    yield from observe(code, like, seed=seed)


def _fitting(windows: list[Windows], decoder: str, readout: str) -> str:
    """The decoder, if it can read these windows."""
    traces = [session for session in windows if session.kind == "trace"]
    if decoder == "auto":
        decoder = "template" if traces else "bayes"
    if readout == "constrained" and decoder != "linear":
        raise RefusedInputError(
            f'readout="constrained" changes the weights of decoder="linear", got {decoder!r}: use '
            "this decoder."
        )
    if decoder == "bayes" and traces:
        remedy = "give like= a recording" if traces[0].visits else "detect events first"
        raise RefusedInputError(
            f"{traces[0].name}: the Bayesian decoder needs events, got a trace: {remedy}, or use "
            'another decoder, such as "template".'
        )
    if decoder == "linear" and not windows[0].domain.has_distances:
        raise RefusedInputError(
            f"{windows[0].name}: a linear regression needs stimuli with a metric, got stimuli "
            'without one: use decoder="classifier", or another one.'
        )
    return decoder


def _spread(windows: list[Windows], places: NDArray, smoothing: float) -> float:
    """Standard deviation of smoothing in units of position, or of the stimulus."""
    spacing = windows[0].domain.spacing(places)
    if smoothing and spacing is None:
        raise RefusedInputError(
            f"smoothing={smoothing:g} counts in steps between stimuli, but these are not evenly "
            "spaced or have no metric: leave it out."
        )
    return smoothing * (spacing or 0.0)


def _decoder(
    decoder: str, bayes: Bayes, penalties: tuple[float, ...] | None, noise_free: bool
) -> Decoder:
    """What is trained. A classifier whose states have a window each cannot leave any out, and needs
    no penalty but the least."""
    if decoder == "bayes":
        return bayes
    if decoder == "template":
        return Template(bayes.minimum_windows, bayes.smoothing)
    if decoder == "linear":
        return Linear(penalties or PENALTIES)
    return Classifier(bayes.minimum_windows, penalties or PENALTIES[: 1 if noise_free else None])
