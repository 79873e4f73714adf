"""A comparison as one page to read, to print and to send."""

from __future__ import annotations

from pathlib import Path

import xarray as xr

from drift.comparison.rows import comparison_frame
from drift.door import opened
from drift.errors import RefusedInputError
from drift.files.atomic import check_target, replaced_atomically
from drift.schema.labelled_form import check

__all__ = ["comparison_frame", "report"]

TITLE = "Representational drift: simulation beside recording"


@opened
def report(
    comparison: xr.Dataset,
    path: str | Path,
    *,
    run: xr.Dataset | None = None,
    recorded: xr.Dataset | None = None,
    fit: xr.Dataset | None = None,
    title: str = TITLE,
    convention: str = "mean_of_ratios",
    overwrite: bool = False,
) -> Path:
    """Write a comparison as one HTML page: sentences, tables, figures, methods and a glossary.

    The page needs no network and nothing beside itself, follows light and dark, and can be printed.
    Every text that comes from a file is shown as text.

    Parameters
    ----------
    comparison : xarray.Dataset
        What ``drift.compare`` returns.
    path : str or Path
        The file to write; its folder must exist.
    run : xarray.Dataset, optional
        Longitudinal Dataset of ``train`` that was compared: adds rate maps, correlations between
        sessions and recipes.
    recorded : xarray.Dataset, optional
        Longitudinal Dataset of ``measure`` that was compared: adds rate maps and correlations
        between sessions.
    fit : xarray.Dataset, optional
        ``dataset`` of a ``circuits.Fit``: adds its estimates.
    title : str
        Of the page.
    convention : str
        How curves are normalised to the first session, a name in
        ``drift.comparison.conventions.CONVENTIONS``.
    overwrite : bool
        Replace a file that is already there.

    Returns
    -------
    Path
        Of the file.

    Raises
    ------
    RefusedInputError
        If the file exists, the folder is absent or closed to writing, a Dataset is of another kind,
        or the convention is unknown.

    Examples
    --------
    >>> comparison = drift.compare(run, recorded)
    >>> drift.report(comparison, "report.html", run=run, recorded=recorded)
    """
    from drift.reporting.page import page

    target = Path(path)
    check_target(target, overwrite=overwrite)
    for name, dataset in (("run", run), ("recorded", recorded)):
        if dataset is not None and (
            "subject" not in check(dataset, "elapsed").dims or "recorded" not in dataset
        ):
            raise RefusedInputError(
                f"{name} was expected to be a longitudinal Dataset, got one without recorded: "
                "pass the result of train or measure."
            )
    text = page(comparison, run, recorded, None if fit is None else check(fit), title, convention)
    with replaced_atomically(target, overwrite=overwrite) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return target
