"""What was understood, as a table with the odd numbers marked, and as sentences."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from data_adapters.inspection.faults import faults
from data_adapters.inspection.impressions import Impression
from data_adapters.inspection.inspecting import Inspection
from data_adapters.registrations.cell_map import Registration
from drift.door import opened

MARK = "!"
# heading, width, what of it may be odd, text
COLUMNS: tuple[tuple[str, int, tuple[str, ...], Callable[[Impression], str]], ...] = (
    ("day", 7, (), lambda row: _number(row.day, ".4g")),
    ("frames", 8, ("fullest", "frames"), lambda seen: f"{seen.frames}"),
    ("Hz", 8, ("rate",), lambda seen: _number(seen.rate, ".4g")),
    ("from", 8, ("lowest",), lambda seen: _number(seen.lowest, ".1f")),
    ("to", 9, ("highest",), lambda seen: _number(seen.highest, ".1f")),
    ("known s", 9, ("tracked",), lambda seen: _number(seen.tracked, ".0f")),
    ("running s", 10, ("running",), lambda seen: _number(seen.running, ".0f")),
    ("gap s", 8, ("longest_gap",), lambda seen: _number(seen.longest_gap, ".3g")),
    ("cells", 7, (), lambda seen: f"{seen.cells}"),
    ("followed", 10, (), lambda seen: f"{seen.registered}"),
    ("events/s", 10, ("events", "lowest_event"), lambda seen: _number(seen.events, ".3g")),
    ("above 0", 9, ("above",), lambda seen: _number(100 * seen.above, ".1f") + " %"),
)


@opened
def table(inspection: Inspection) -> list[str]:
    """Lines of a table, one a session, and below it what is odd, noted or refused.

    Columns: day (elapsed); frames; frames per second, Hz; range of the position, cm or pixel;
    seconds with a known position or stimulus, and of them running; longest gap, s; cells
    that count, and of them followed to another session; events a second and cell; samples above 0;
    folder and file of the track.

    Parameters
    ----------
    inspection : Inspection

    Returns
    -------
    list of str
    """
    if inspection.registration is not None:
        return registration_table(inspection.registration)
    width = max([len("session"), *(len(row.session) for row in inspection.sessions)])
    room = max([len("room"), *(len(row.environment) for row in inspection.sessions)])
    head = f"{'session':{width}}  {'room':{room}}"
    lines = [head + "".join(f"{name:>{space}}" for name, space, *_further in COLUMNS) + "  files"]
    told: list[str] = []
    for row in inspection.sessions:
        odd = dict(faults(row)) if row.frames else {}
        cells = [
            f"{text(row) + (MARK if odd.keys() & set(names) else ''):>{space}}"
            for _name, space, names, text in COLUMNS
        ]
        files = ", ".join(filter(None, (row.folder, row.track)))
        lines.append(
            f"{row.session:{width}}  {row.environment:{room}}"
            + "".join(cells)
            + (f"  {files}" if files else "")
        )
        told += [
            f"{MARK} {row.session}: {sentence.rstrip('?.')}{'?' if sentence.endswith('?') else '.'}"
            for sentence in odd.values()
        ]
        told += [f"  {row.session}: {row.stimuli} different stimuli."] if row.stimuli else []
        told += [f"  {row.session}: {row.notes}."] if row.notes else []
        told += [f"REFUSED {row.session}: {row.refusal}"] if row.refusal else []
    return [*lines, *told]


def registration_table(registration: Registration) -> list[str]:
    """Lines of a table of registered cells, one a session."""
    is_there = registration.columns >= 0
    lines = [
        f"{registration.where}: {len(is_there)} registered cells, {registration.sessions} sessions",
        f"{'session':>8}{'cells':>8}{'in the one before':>19}{'in the first':>14}",
    ]
    for session in range(registration.sessions):
        before = int((is_there[:, session] & is_there[:, session - 1]).sum()) if session else 0
        first = int((is_there[:, session] & is_there[:, 0]).sum())
        lines.append(f"{session + 1:8}{int(is_there[:, session].sum()):8}{before:19}{first:14}")
    lines.append(f"in all sessions: {int(is_there.all(axis=1).sum())}")
    late = int((~is_there[:, 0] & is_there.any(axis=1)).sum())
    if registration.sessions > 1 and is_there.any() and not late:
        lines.append(
            f"{MARK} no cell appears after the first session: cells that come later were not "
            "followed, so that turnover looks like loss alone."
        )
    if registration.confidence is not None and np.isfinite(registration.confidence).any():
        certain = registration.confidence[np.isfinite(registration.confidence)]
        low, middle = np.quantile(certain, (0.1, 0.5))
        lines.append(f"certain to {middle:.2f} (median), {low:.2f} (lowest tenth)")
    return lines


def _number(value: float, form: str) -> str:
    return f"{value:{form}}" if np.isfinite(value) else "-"
