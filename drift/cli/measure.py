"""``repdrift measure``: a recording, measured as networks are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import tyro
from tyro.conf import Positional

from drift.cli.lines.arguments import apart, netcdf, pairs, parsed, told

EXAMPLES = """\
  repdrift measure interchange recordings --out recorded.nc --shuffles 200
  repdrift measure karlsson2015 data/Nel --option area=any position_units=pixel --out wmaze.nc
  repdrift measure interchange recordings --option animal=A environment=track --out recorded.nc
  repdrift measure nwb sessions --out recorded.nc --corrected --halves trials
  repdrift measure nwb sessions --out recorded.nc --counted --halves trials --decoding
Formats (interchange: one .npz, .mat or .nc file a session): """
Flag = Annotated[bool, tyro.conf.FlagCreatePairsOff]


def command(
    format: Positional[str],
    path: Positional[Path],
    *,
    out: Path,
    option: tuple[str, ...] = (),
    shuffles: int = 0,
    corrected: Flag = False,
    counted: Flag = False,
    bin_size: float | None = None,
    minimum_speed: float | None = None,
    direction: Literal["auto", "split", "apart", "pooled"] = "auto",
    active_events: int = 1,
    halves: Literal["trials", "time"] | None = None,
    half_place_units: Flag = False,
    decoding: Flag = False,
    seed: int = 0,
    overwrite: Flag = False,
) -> None:
    """Measure rate maps, spatial information, place cells and active cells of recorded sessions.

    Parameters
    ----------
    format
        Layout of the files, such as interchange.
    path
        File or folder of the recording.
    out
        netCDF file to write.
    option
        Options of the reader, as KEY=VALUE; animal=A and environment=B choose sessions with every
        reader.
    shuffles
        Circular shifts of the place-cell test (p < .05); 0 takes the threshold of the published
        simulations, .01 bits.
    corrected
        Add spatial information corrected for limited sampling; takes seconds a session.
    counted
        Count calcium events instead of adding up their amplitudes: rates, information and the
        place-cell test are those of the numbers of events.
    bin_size
        Width of a place bin in units of position; by default what the format recommends.
    minimum_speed
        Below it the animal counts as resting; by default what the format recommends.
    direction
        Rate maps split by running direction or pooled; apart measures information and its test in
        each direction, as is published for tracks.
    active_events
        Events while running that make a cell active; 1 takes any activity.
    halves
        Keep maps of two halves of every session, odd and even laps or blocks of 30 s in turn, so
        that figures and reports show how much of a change is noise.
    half_place_units
        Test place cells in each half, too, so that recurrence knows what test noise alone takes.
    decoding
        Decode every session by a readout of every other, of itself, and with cells in disorder
        (Bayesian; windows of 0.25 s), so that figures, reports and tables hold the three errors.
    seed
        Of shuffles, corrections and disorder.
    overwrite
        Replace a file that is there.
    """
    import data_adapters
    from drift.cli.lines.summaries import (
        half_life_rows,
        measure_rows,
        note_rows,
        rooms,
        running_rows,
        stimulus_rows,
        with_notes,
    )
    from drift.files.store import save
    from drift.measurement.event_counting import counted_events
    from drift.measurement.measuring import measure
    from drift.metrics.decoders.triple import decoder_triple, with_decoding

    apart((out,), (path,))
    netcdf(out, overwrite)
    sessions, notes = with_notes(data_adapters.sessions(format, path, **pairs(option, "--option")))
    sessions = counted_events(sessions) if counted else sessions
    recording = list(sessions) if decoding else sessions  # read once for two measures
    measured = measure(
        recording,
        shuffles=shuffles,
        corrected=corrected,
        bin_size=bin_size,
        minimum_speed=minimum_speed,
        direction=direction,
        active_events=active_events,
        halves=halves,
        half_place_units=half_place_units,
        seed=seed,
        progress=True,
    )
    if decoding:
        scores = decoder_triple(
            recording,
            bin_size=bin_size,
            minimum_speed=minimum_speed,
            direction="split" if direction == "apart" else direction,
            seed=seed,
        )
        measured = with_decoding(measured, scores)
    save(measured, out, overwrite=overwrite)
    told(
        f"{measured.sizes['subject']} subjects, {measured.sizes['session']} sessions, "
        f"{measured.sizes['unit']} units"
    )
    told(
        *stimulus_rows(measured),
        *rooms(measured),
        *measure_rows(measured),
        *half_life_rows(measured),
        *running_rows(measured),
        *note_rows(notes),
        f"written: {out}",
    )


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    from data_adapters import reader_names

    parsed(command, "measure", arguments, f"{EXAMPLES}{', '.join(reader_names())}.")
