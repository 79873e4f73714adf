"""The figures of one recording as files for a paper."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import xarray as xr

from drift.door import opened
from drift.errors import RefusedInputError
from drift.files.atomic import check_target, replaced_atomically
from drift.plots.publication import publication_settings
from drift.reporting.captions import not_drawn
from drift.reporting.panels import Plate, assembled
from drift.reporting.plates import all_panels, all_subjects, own_sessions, subject_plates
from drift.schema.labelled_form import check
from drift.schema.selection import position_of
from drift.texts import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("pdf", "svg", "png")
# Without the time of writing, the same figure is the same file.
METADATA: dict[str, dict[str, str | None]] = {
    "pdf": {"CreationDate": None},
    "svg": {"Date": None},
    "png": {},
}
CAPTIONS = "captions.md"


class FigureSet(NamedTuple):
    """What was drawn, and what was not.

    Attributes
    ----------
    paths : list of Path
        Of the files, the captions last.
    missing : list of str
        A sentence for each reason for which figures cannot be drawn.
    """

    paths: list[Path]
    missing: list[str]


@opened
def figures(
    recorded: xr.Dataset,
    folder: str | Path,
    *,
    formats: Sequence[Literal["pdf", "svg", "png"]] = ("pdf",),
    width: Literal[85, 180] = 85,
    sorted_by: str | int | None = None,
    subjects: Sequence[str] = (),
    overwrite: bool = False,
) -> FigureSet:
    """Draw a recording, or a run, for a paper: rate maps of tracked cells over days, example cells,
    correlation between sessions and by lag, fraction of place cells, turnover.

    What cannot be drawn (one session, cells that are not registered, places in a plane) is left
    out, and said. Of several subjects each has files of its own; curves of all stand in files that
    begin with ``all``. ``captions.md`` holds the captions, which say what error bars are. All files
    are written, or none is.

    Parameters
    ----------
    recorded : xarray.Dataset
        Longitudinal Dataset of ``measure`` or ``train``.
    folder : str or Path
        Must exist.
    formats : sequence of str
        Any of "pdf", "svg" and "png" (600 dots per inch); text stays text in the first two.
    width : {85, 180}
        Of a figure in mm: of one or two columns. In two columns curves stand side by side in one
        figure, ``stability``.
    sorted_by : str or int, optional
        Session whose place cells are shown, sorted by their place, in all sessions: a label as
        text, or a position. The first session after learning by default, and for subjects that have
        no such session.
    subjects : sequence of str
        Labels of the subjects that are drawn; all by default.
    overwrite : bool
        Replace files that are there.

    Returns
    -------
    FigureSet

    Raises
    ------
    RefusedInputError
        If the Dataset is no longitudinal one, no subject has the session, a subject is unknown, or
        a file exists and is to be kept; then nothing is written.

    Examples
    --------
    >>> drift.figures(recorded, "figures", formats=["pdf", "png"], sorted_by="3")
    """
    selection = selected(recorded, subjects)
    label = session_label(selection, sorted_by)
    if len(formats) == 0:
        raise RefusedInputError("formats must name at least one, got none: use pdf, svg or png.")
    target, endings = Path(folder), list(dict.fromkeys(formats))
    texts: list[str] = []
    paths: list[Path] = []
    missing: dict[str, str] = {}
    check_target(target / CAPTIONS, overwrite=overwrite)
    with ExitStack() as unfinished, publication_settings():
        for plate in named_plates(selection, label, float(width)):
            texts.append(_caption(plate))
            if plate.figure is None:
                missing[plate.title] = plate.reason
                continue
            for ending in endings:
                path = target / f"{plate.name}.{ending}"
                temporary = unfinished.enter_context(replaced_atomically(path, overwrite=overwrite))
                _save(plate.figure, temporary, ending)
                paths.append(path)
        captions = unfinished.enter_context(
            replaced_atomically(target / CAPTIONS, overwrite=overwrite)
        )
        captions.write_text(printable("\n".join(texts)), encoding="utf-8")
    return FigureSet([*paths, target / CAPTIONS], not_drawn(missing))


def _save(figure: Figure, path: Path, ending: str) -> None:
    figure.savefig(path, format=ending, metadata=METADATA[ending])


def _caption(plate: Plate) -> str:
    if plate.figure is None:
        [told] = not_drawn({plate.title: plate.reason})
        return f"## {plate.name}\n\n{told[0].upper()}{told[1:]}\n"
    return f"## {plate.name}\n\n**{plate.title}.** {plate.caption}\n"


def selected(recorded: xr.Dataset, subjects: Sequence[str]) -> xr.Dataset:
    """Return the subjects that are drawn of a longitudinal Dataset, or refuse another one.

    Parameters
    ----------
    recorded : xarray.Dataset
    subjects : sequence of str
        Their labels; all by default.
    """
    check(recorded, "rate", "elapsed")
    if not {"subject", "session", "unit"} <= set(recorded["rate"].dims):
        raise RefusedInputError(
            f"a longitudinal Dataset was expected, got rates over {recorded['rate'].dims}: pass "
            "what measure or train returns, with its subjects and sessions."
        )
    if "recorded" not in recorded:
        raise RefusedInputError(
            "a longitudinal Dataset was expected, got one without recorded: pass the result of "
            "measure or train."
        )
    if len(subjects) == 0:
        return recorded
    return recorded.isel(subject=[position_of(recorded, "subject", name) for name in subjects])


def session_label(recorded: xr.Dataset, sorted_by: str | int | None) -> str | None:
    """Label of the session that cells are sorted by, or refuse one that no subject has.

    Parameters
    ----------
    recorded : xarray.Dataset
        Longitudinal Dataset.
    sorted_by : str, int or None
        A label as text, or a position.
    """
    if sorted_by is None:
        return None
    subjects = range(recorded.sizes["subject"])
    if isinstance(sorted_by, int):
        place = position_of(recorded, "session", sorted_by, 0)
        for name in ("session_label", "session"):
            if name in recorded.coords:
                labels = recorded[name]
                own = labels.isel(subject=0) if "subject" in labels.dims else labels
                return str(own.values[place])
        return str(place)
    for subject in subjects:
        try:
            position_of(recorded, "session", sorted_by, subject)
        except RefusedInputError:
            if subject == subjects[-1]:
                raise
        else:
            break
    return sorted_by


def named_plates(recorded: xr.Dataset, sorted_by: str | None, width: float) -> Iterator[Plate]:
    """Draw the figures of all subjects, one after the other, with names of their own.

    Parameters
    ----------
    recorded : xarray.Dataset
        Longitudinal Dataset.
    sorted_by : str or None
        See ``session_label``.
    width : float
        In mm.
    """
    subjects = recorded.sizes["subject"]
    heads = _heads(recorded) if subjects > 1 else [""]
    for subject, head in enumerate(heads):
        told = f" (subject {recorded['subject'].values[subject]})" if subjects > 1 else ""
        for plate in subject_plates(own_sessions(recorded, subject), sorted_by, width):
            yield _renamed(plate, head, told)
    if subjects > 1:
        for plate in assembled(all_panels(all_subjects(recorded)), width):
            yield _renamed(plate, "all_", " (all subjects)")


def _renamed(plate: Plate, head: str, told: str) -> Plate:
    return plate._replace(name=f"{head}{plate.name}", title=f"{plate.title}{told}")


def _heads(recorded: xr.Dataset) -> list[str]:
    """Beginnings of the names of files, one a subject, of letters that every system takes."""
    labels = [re.sub(r"[^A-Za-z0-9-]+", "_", str(label)) for label in recorded["subject"].values]
    names = [label.strip("_") or "subject" for label in labels]
    alike = len(set(map(str.lower, [*names, "all"]))) <= len(names)
    return [f"{name}_{place + 1}_" if alike else f"{name}_" for place, name in enumerate(names)]
