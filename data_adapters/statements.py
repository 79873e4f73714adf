"""What a caller can say of files that do not say it themselves: options of every reader."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_type_hints

from drift.door.hints import expectation
from drift.door.wording import Refusal, shown
from drift.errors import RefusedInputError, did_you_mean

LARGEST, LONGEST = 1e12, 1000
ABOVE_ZERO = ("track_rate", "max_gap", "scale", "track_length", "fs", "threshold_sd")
OF_POSITIONS = ("position", "bodypart", "scale", "lost", "origin", "geometry", "track_length")
APART = {"stimulus": OF_POSITIONS, "frame_times": ("start",), "track_times": ("track_rate",)}
NEEDS = {
    "stimulus_metric": "stimulus",
    "stimulus_period": "stimulus",
    "stimulus_units": "stimulus",
    "base": "registration",
    "columns": "registration",
    "counted_by": "registration",
    "minimum_confidence": "registration",
}


class Statements(NamedTuple):
    """Options of every reader, all of them optional.

    Parameters
    ----------
    track : str or path
        File with the positions: a table with the columns ``time`` (s), ``x`` (cm) and, in a plane,
        ``y``, the same as ``.npz``, or the output of DeepLabCut. It is looked for beside the files
        of each session, then in the folders above up to the one that was given; ``*`` stands for
        anything, ``{animal}``, ``{folder}`` and ``{session}`` (from 1) for those of the session.
    position : str
        Column of the position in the track, or two separated by a comma.
    bodypart, minimum_likelihood : str, float
        Of DeepLabCut: which body part, and below which likelihood a sample is lost (.9).
    stimulus : str
        Column of the stimulus in the track, in the place of the position: a line a sample with
        ``time``, or a line a trial with ``start`` and ``stop`` (s).
    stimulus_metric, stimulus_period, stimulus_units : str, float, str
        See ``data_adapters.session.session_dataset``.
    track_rate : float
        Samples per second of a track without times, Hz.
    track_times : str or path
        File with the time of each sample of a track without times, s: ``.npy``, or a table with a
        column ``time``. Found as the track is.
    start : float
        What the clock of the track shows when that of the recording shows 0, s: at the first frame,
        at sample 0 of the electrodes. Needed, if it is 0 too, where no pulses or times of frames
        tell it.
    pulses : str
        Column of the track with the number of the frame of the microscope that runs, or with 1
        while a frame begins; ``frame_pulse`` is known by its name, ``no``
        leaves it out.
    frame_times : str or path
        File with the time of each frame on the clock of the track, s: ``.npy``, or a table with a
        column ``time``. Found as the track is.
    max_gap : float
        Longest time between samples of the track to interpolate over, s; see
        ``data_adapters.align``.
    scale, lost : float
        cm per unit of the positions, and the position that marks lost samples, in these units.
    origin : sequence of float
        Where the track begins, in units of the file: one number, or one for each axis; subtracted.
    geometry : str
        See ``data_adapters.session.GEOMETRIES``.
    track_length : float
        From end to end, around a ring, or along a side, cm.
    fs : float
        Frames of the microscope per second, Hz, where files do not say it.
    environment : str
        Where the sessions were recorded; where files tell several environments, the ones to take,
        separated by commas.
    epochs : str or path
        Table with the columns ``start``, ``stop`` (s, on the clock of the frames) and
        ``environment``: each environment becomes a session, what lies outside is left out.
    registration : str or path
        Table of the cells over sessions (CellReg, track2p, ROICaT, ROIMatchPub,
        ``cell_to_index_map``), or the folder that holds it. Found as the track is, for each animal.
    columns : sequence of int
        Columns of the registration that the sessions of each animal have, from 1, where it has more
        of them, or another order.
    counted_by : {"numbers", "rows"}
        Whether a registration of a tool that numbers its cells (phy) holds these numbers, or rows,
        where it can be read both ways.
    base : {0, 1}
        Number of the first cell in a registration that does not tell it.
    minimum_confidence : float
        Registered cells of which the program is less certain count as cells of their session alone.
    folders : str
        How the folders of sessions are named, such as ``{animal}_{date}_{session}`` or
        ``{environment}/{animal}/{day}``, where their names alone do not tell it.
    elapsed : sequence of float
        Days of the sessions of each animal, in the order of their folders, where the names of these
        are no dates and no ``day<number>``.
    events_are, threshold_sd : str, float
        See ``data_adapters.session.session_dataset``.
    keep_rejected : bool
        Count cells too that the experimenter or the program rejected.
    """

    track: str | Path | None = None
    position: str | None = None
    bodypart: str | None = None
    minimum_likelihood: float = 0.9
    stimulus: str | None = None
    stimulus_metric: str | None = None
    stimulus_period: float | None = None
    stimulus_units: str = ""
    track_rate: float | None = None
    track_times: str | Path | None = None
    start: float | None = None
    pulses: str | None = None
    frame_times: str | Path | None = None
    max_gap: float | None = None
    scale: float | None = None
    lost: float | None = None
    origin: Sequence[float] | None = None
    geometry: str | None = None
    track_length: float | None = None
    fs: float | None = None
    environment: str | None = None
    epochs: str | Path | None = None
    registration: str | Path | None = None
    columns: Sequence[int] | None = None
    counted_by: str | None = None
    base: int | None = None
    minimum_confidence: float | None = None
    folders: str | None = None
    elapsed: Sequence[float] | None = None
    events_are: str | None = None
    threshold_sd: float | None = None
    keep_rejected: bool = False

    @property
    def environments(self) -> tuple[str, ...]:
        """Environments to take, where files tell several."""
        return tuple(name.strip() for name in (self.environment or "").split(",") if name.strip())


# what every reader takes, whether it reads a tool's files or a laboratory's; the rest is of files
# that say nothing of themselves
OF_EVERY_READER = (
    "track",
    "position",
    "bodypart",
    "minimum_likelihood",
    "stimulus",
    "stimulus_metric",
    "stimulus_period",
    "stimulus_units",
    "track_rate",
    "track_times",
    "start",
    "frame_times",
    "max_gap",
    "scale",
    "lost",
    "origin",
    "track_length",
    "geometry",
    "epochs",
    "registration",
    "columns",
    "base",
    "minimum_confidence",
    "events_are",
    "threshold_sd",
)


def takes_statements(reader: Callable[..., Any]) -> bool:
    """Tell whether a reader takes all statements itself."""
    return any(
        parameter.kind is inspect.Parameter.VAR_KEYWORD
        for parameter in inspect.signature(reader).parameters.values()
    )


def stated(options: dict[str, Any]) -> Statements:
    """Statements of options.

    Raises
    ------
    RefusedInputError
        If an option is unknown, a value is not of the kind of its option, is out of range, or
        contradicts another.
    """
    for name, value in options.items():
        _refuse_unknown(name)
        _refuse_kind(name, value)
    statements = Statements(**options)
    for name in ABOVE_ZERO:
        value = getattr(statements, name)
        if value is not None and not 0 < value < LARGEST:
            raise RefusedInputError(
                f"option {name} was expected to be a number above 0, got {value:g}: correct it."
            )
    for name in ("minimum_likelihood", "minimum_confidence"):
        value = getattr(statements, name)
        if value is not None and not 0 <= value <= 1:
            raise RefusedInputError(
                f"option {name} was expected to be a probability, got {value:g}: give a number "
                "from 0 to 1."
            )
    _refuse_contradictions(statements)
    return statements


def _refuse_unknown(name: str) -> None:
    if name not in Statements._fields:
        raise RefusedInputError(
            f"option {name!r} is unknown: {did_you_mean(name, Statements._fields)}"
        )


def _refuse_kind(name: str, value: Any) -> None:
    expected = expectation(get_type_hints(Statements)[name])
    try:
        expected.checked(value)
    except Refusal:
        raise RefusedInputError(
            f"option {name} was expected to be {expected.wanted}, got {shown(value)}: correct it."
        ) from None
    numbers = list(value) if isinstance(value, tuple | list) else [value]
    if any(isinstance(entry, float) and not math.isfinite(entry) for entry in numbers):
        raise RefusedInputError(
            f"option {name} was expected to be finite, got {shown(value)}: correct it."
        )
    if isinstance(value, str) and not 0 < len(value) <= LONGEST and name != "stimulus_units":
        raise RefusedInputError(
            f"option {name} was expected to be text of up to {LONGEST} letters, got {len(value)}: "
            "correct it, or leave it out."
        )


def _refuse_contradictions(statements: Statements) -> None:
    """Refuse what would do nothing, or what two options say differently."""
    said = {name for name, value in statements._asdict().items() if value not in (None, "", False)}
    for name, rivals in APART.items():
        if name in said and (both := [rival for rival in rivals if rival in said]):
            raise RefusedInputError(
                f"options {name} and {both[0]} were expected one at a time, got both: leave one "
                "out."
            )
    for name, basis in NEEDS.items():
        if name in said and basis not in said:
            raise RefusedInputError(
                f"option {name} was expected beside {basis}, got it alone: give {basis}, or leave "
                "it out."
            )
    if statements.position is not None and statements.position.count(",") > 1:
        raise RefusedInputError(
            f"option position was expected to name one column or two, got {statements.position!r}: "
            "name x, or x and y."
        )
