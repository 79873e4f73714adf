"""One recording as one page to read, to print and to send."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import xarray as xr

from drift.door import opened
from drift.files.atomic import check_target, replaced_atomically

TITLE = "A recording over days"


@opened
def recording_report(
    recorded: xr.Dataset,
    path: str | Path,
    *,
    sorted_by: str | int | None = None,
    subjects: Sequence[str] = (),
    title: str = TITLE,
    overwrite: bool = False,
) -> Path:
    """Write a measured recording, or a run, as one HTML page: what was recorded, numbers of each
    session, and the figures of ``drift.figures`` with their captions.

    No simulation is needed. The page needs no network and nothing beside itself, follows light and
    dark, and can be printed. What cannot be drawn is said, with the reason. Every text that comes
    from a file is shown as text.

    Parameters
    ----------
    recorded : xarray.Dataset
        Longitudinal Dataset of ``measure`` or ``train``.
    path : str or Path
        The file to write; its folder must exist.
    sorted_by : str or int, optional
        Session whose place cells are shown, sorted by their place; see ``drift.figures``.
    subjects : sequence of str
        Labels of the subjects that are shown; all by default, of whom three have figures of their
        own.
    title : str
        Of the page.
    overwrite : bool
        Replace a file that is already there.

    Returns
    -------
    Path
        Of the file.

    Raises
    ------
    RefusedInputError
        If the file exists, the folder is absent or closed to writing, the Dataset is no
        longitudinal one, no subject has the session, or a subject is unknown.

    Examples
    --------
    >>> drift.recording_report(recorded, "recording.html")
    """
    from drift.reporting.figure_set import selected, session_label
    from drift.reporting.recording_page import recording_page

    target = Path(path)
    check_target(target, overwrite=overwrite)
    selection = selected(recorded, subjects)
    text = recording_page(selection, session_label(selection, sorted_by), title)
    with replaced_atomically(target, overwrite=overwrite) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return target
