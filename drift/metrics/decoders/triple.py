"""The three curves that say what drift costs a reader: a readout that is kept, one that is trained
anew, and the kept one with units in disorder."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Draws, NotNegative, Positive, Seed
from drift.errors import RefusedInputError
from drift.metrics.decoders.across_sessions import decoding
from drift.schema.labelled_form import check, described

TRIPLE = ("decoding_error", "refitted_decoding_error", "shuffled_decoding_error")
COUNTS = ("decoding_units", "decoded_windows")


@opened
def decoder_triple(
    code: xr.Dataset | Iterable[xr.Dataset],
    decoder: Literal["auto", "bayes", "template", "linear", "classifier"] = "auto",
    *,
    window: Positive = 0.25,
    bin_size: float | None = None,
    minimum_speed: float | None = None,
    direction: Literal["auto", "split", "pooled"] = "auto",
    minimum_events: NotNegative = 10,
    shuffles: Draws = 3,
    seed: Seed = 0,
) -> xr.Dataset:
    """Decode every session by a fixed readout of every other, by one refitted to it on the same
    units, and by the fixed one with units in disorder.

    A code that drifts has a fixed error above the refitted one, more so the longer the time
    between sessions; one that merely holds few events has both alike, and above what many would
    give. What is reached with units in disorder is chance.

    Parameters
    ----------
    code : xarray.Dataset or iterable of xarray.Dataset
        Session Datasets, which are all kept until the last is decoded; or a run, see ``decoding``.
    decoder, window, bin_size, minimum_speed, direction, minimum_events, shuffles, seed
        As in ``decoding``.

    Returns
    -------
    xarray.Dataset
        As of ``decoding`` with ``readout="fixed"``, and ``refitted_decoding_error`` (subject,
        session, session_other), the error of ``readout="refitted"``, of ``session_other`` itself.

    Raises
    ------
    RefusedInputError
        As in ``decoding``.
    SchemaError
        If a session lacks a variable.

    References
    ----------
    Geva, Deitch, Rubin & Ziv 2023, Nat Neurosci 26:1549 (readouts of other days).
    """
    options: dict[str, Any] = {name: option for name, option in locals().items() if name != "code"}
    recording = code if isinstance(code, xr.Dataset) else list(code)
    fixed = decoding(recording, readout="fixed", **options)
    refitted = decoding(recording, readout="refitted", **{**options, "shuffles": 0})
    errors = refitted["decoding_error"]
    units = str(errors.attrs["units"])
    return fixed.assign(
        refitted_decoding_error=described(errors, "refitted_decoding_error", units=units)
    )


@opened
def with_decoding(recorded: xr.Dataset, triple: xr.Dataset) -> xr.Dataset:
    """Set the errors of readouts beside the maps of the same sessions, so that one file holds both.

    Parameters
    ----------
    recorded : xarray.Dataset
        Longitudinal Dataset of ``measure``.
    triple : xarray.Dataset
        Of ``decoder_triple`` for the same sessions.

    Returns
    -------
    xarray.Dataset
        The maps with ``decoding_error``, ``refitted_decoding_error``, ``shuffled_decoding_error``,
        ``decoding_units`` and ``decoded_windows`` (subject, session, session_other), and the
        attribute ``decoding``, the options; NaN for subjects and sessions that were not decoded.

    Raises
    ------
    RefusedInputError
        If no subject and session are in both.
    SchemaError
        If a variable is missing.
    """
    check(recorded, "elapsed")
    check(triple, *TRIPLE[:2])
    labels = {dim: recorded[dim].values for dim in ("subject", "session") if dim in recorded.coords}
    if len(labels) < 2 or any(
        not np.isin(values, triple[dim].values).any() for dim, values in labels.items()
    ):
        raise RefusedInputError(
            "errors of readouts were expected of the sessions of the maps, got those of others: "
            "decode the sessions that were measured."
        )
    names = [name for name in (*TRIPLE, *COUNTS) if name in triple]
    errors = triple[names].reset_coords(drop=True)
    aligned = errors.reindex({**labels, "session_other": labels["session"]})
    attrs = {name: triple.attrs[name] for name in ("decoding",) if name in triple.attrs}
    held = recorded.assign({name: aligned[name] for name in names}).assign_attrs(attrs)
    held["session"].attrs = dict(recorded["session"].attrs)  # not that of the readouts, "trained"
    return held
