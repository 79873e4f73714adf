"""Null models of apparent drift: what a recording would show if the code stood still."""

from __future__ import annotations

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Seed
from drift.errors import RefusedInputError
from drift.metrics.places import closes
from drift.metrics.rooms import same_environment
from drift.metrics.stimuli import require_places
from drift.observation.counted_halves import is_measured
from drift.observation.frozen_recordings import frozen_recording
from drift.observation.lens import own_stream
from drift.schema.labelled_form import VARIABLES, check

LEAST_TIME = 0.05  # of the mean running time, below which no line falls


def _relative_elapsed(dataset: xr.Dataset, first: int) -> xr.DataArray:
    """(subject, session) elapsed from the session ``first`` on, as a part of the whole: 0 there and
    before, 1 in the last session."""
    elapsed = dataset["elapsed"].reset_coords(drop=True)
    later = elapsed.isel(session=slice(first, None))
    start, end = later.min("session"), later.max("session")
    if not bool((end > start).any()):
        raise RefusedInputError(
            "a change over sessions takes at least two at different elapsed times, got one: "
            "use a longer Dataset."
        )
    return ((elapsed - start) / (end - start)).clip(0, 1).fillna(0.0)


def _shown(run: xr.Dataset, session: int) -> xr.DataArray:
    """([subject,] session) position of the session that is shown: of each environment the first
    from ``session`` on, else the first."""
    sessions = run.sizes["session"]
    same = same_environment(run, subjects=run.sizes.get("subject", 1), sessions=sessions)
    later = same & (np.arange(sessions) >= session)
    positions = np.where(later.any(axis=-1), later.argmax(axis=-1), same.argmax(axis=-1))
    return (
        xr.DataArray(positions[0], dims="session")
        if (positions == positions[:1]).all()
        else xr.DataArray(positions, dims=("subject", "session"))
    )


def _picked(values: xr.DataArray, shown: xr.DataArray) -> xr.DataArray:
    bare = values.reset_coords(drop=True).drop_vars(values.dims, errors="ignore")
    if "subject" not in shown.dims:
        return bare.isel(session=shown)
    return bare.isel(
        session=shown, subject=xr.DataArray(np.arange(shown.sizes["subject"]), dims="subject")
    )


@opened
def frozen_code(run: xr.Dataset, session: int | None = None, final_gain: float = 1.0) -> xr.Dataset:
    """Show one code in all sessions; on request with activity that rises or falls as a whole.

    rate_s = gain_s rate_session, with gain_s = 1 + (final_gain - 1) (t_s - t_1) / (t_last - t_1)
    from the first learned session on. Information per event does not depend on the gain; its
    estimate from few events does, which is what this null model shows.

    Rates of a recording are estimated from few events, so that a code made of them would be too
    sharp. Of a recording every unit has the map that all its sessions tell together, with the noise
    of counting taken out, see ``drift.observation.frozen_maps.frozen_maps``; sessions that were not
    recorded, places not visited, and units absent on some days are no hindrance.

    Parameters
    ----------
    run : xarray.Dataset
        Longitudinal Dataset of ``train``, or of ``measure``.
    session : int, optional
        Position of the session that is shown, of a recording with the noise of its maps; by
        default 1, the first after learning, of a run, and all sessions together of a recording.
        Where sessions lie in several environments, each shows its own first session from there on.
    final_gain : float
        Activity in the last session relative to the first.

    Returns
    -------
    xarray.Dataset
        Like ``run``; all variables by session repeat that session. Halves of sessions are left out:
        observe it to measure them. Of a recording ``rate`` with its measures, and the
        ``occupancy`` of each session.

    Raises
    ------
    RefusedInputError
        If there is no such session, the gain is negative, or numbers of recorded events are not
        known.
    """
    check(run, "rate", "occupancy", "elapsed")
    measured = is_measured(run)
    if session is not None and not 0 <= session < run.sizes["session"]:
        raise RefusedInputError(
            f"session must lie between 0 and {run.sizes['session'] - 1}, got {session}: "
            "choose one of the run."
        )
    if not final_gain >= 0:
        raise RefusedInputError(
            f"final_gain must not be negative, got {final_gain}: 1 leaves the activity as it "
            "is, 0.5 halves it."
        )
    pooled = measured and session is None
    frozen = frozen_recording(run) if pooled else _repeated(run, session)
    if final_gain == 1:
        return frozen
    gain = 1 + (final_gain - 1) * _relative_elapsed(run, 0 if measured else 1)
    scaled = {
        name: (frozen[name] * gain).transpose(*frozen[name].dims).assign_attrs(frozen[name].attrs)
        for name in frozen.data_vars
        if name in VARIABLES and VARIABLES[name].per_time
    }
    return frozen.assign(scaled)


def _repeated(run: xr.Dataset, session: int | None) -> xr.Dataset:
    """All variables by session as they are in one session; of a run the first after learning."""
    same = _shown(run, min(1, run.sizes["session"] - 1) if session is None else session)
    # halves of one session, repeated, would be no independent halves of the others
    left_out = [
        name
        for name, values in run.data_vars.items()
        if {"session_other", "half"} & set(values.dims)
    ]
    names = [
        name
        for name, values in run.data_vars.items()
        if "session" in values.dims and name not in left_out
    ]
    return run.drop_vars(left_out).assign(
        {
            name: (
                run[name].dims,
                _picked(run[name], same).transpose(*run[name].dims).values,
                run[name].attrs,
            )
            for name in names
        }
    )


def confused_units(recorded: np.ndarray, fraction: float, rng: np.random.Generator) -> np.ndarray:
    """Unit that is taken for each unit; mistakes add up, as where sessions are registered in a
    chain.

    Parameters
    ----------
    recorded : numpy.ndarray
        (session, unit) bool.
    fraction : float
        Share of the units that are confused from a session to the next; two units at least.
    rng : numpy.random.Generator
        Source of the mistakes.

    Returns
    -------
    numpy.ndarray
        (session, unit) int.
    """
    units = np.flatnonzero(recorded.any(axis=0))
    count = min(max(2, round(fraction * units.size)), units.size) if fraction > 0 else 0
    order = np.tile(np.arange(recorded.shape[1]), (len(recorded), 1))
    for session in range(1, len(recorded)):
        order[session] = order[session - 1]
        swapped = rng.choice(units, size=count, replace=False)
        order[session, swapped] = order[session, np.roll(swapped, 1)]
    return order


@opened
def wrong_registration(dataset: xr.Dataset, fraction: float, seed: Seed = 0) -> xr.Dataset:
    """Confuse a share of the units from each session to the next; the population as a whole does
    not change.

    Units go round in a ring of the confused ones, each with all its variables. Mistakes add up over
    sessions, so that the share of units with their true identity falls as (1 - fraction)^lag.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset, of a recording or of an observed run.
    fraction : float
        Share of the units that are confused from a session to the next, from 0 to 1; at least two
        units if above 0.
    seed : int
        Of the stream "observation", drawn for each subject by itself.

    Returns
    -------
    xarray.Dataset

    Raises
    ------
    RefusedInputError
        If the fraction does not lie between 0 and 1.
    """
    check(dataset, "rate", "recorded")
    if not 0 <= fraction <= 1:
        raise RefusedInputError(
            f"fraction must lie between 0 and 1, got {fraction}: it is the share of units "
            "that are confused."
        )
    present = dataset["recorded"].transpose("subject", "session", "unit").values == 1
    order = np.stack(
        [
            confused_units(recorded, fraction, own_stream(dataset, subject, seed).spawn(1)[0])
            for subject, recorded in enumerate(present)
        ]
    )
    pick = {
        "subject": xr.DataArray(np.arange(present.shape[0]), dims="subject"),
        "session": xr.DataArray(np.arange(present.shape[1]), dims="session"),
        "unit": xr.DataArray(order, dims=("subject", "session", "unit")),
    }
    names = [
        name
        for name, values in dataset.data_vars.items()
        if {"subject", "session", "unit"} <= set(values.dims)
    ]
    names = [name for name in names if "session_other" not in dataset[name].dims]
    return dataset.assign({name: _moved(dataset[name], pick) for name in names})


def _moved(values: xr.DataArray, pick: dict[str, xr.DataArray]) -> xr.Variable:
    bare = values.reset_coords(drop=True).drop_vars(values.dims, errors="ignore")
    return bare.isel(pick).transpose(*values.dims).variable


def _along(occupancy: xr.DataArray) -> np.ndarray:
    """Where each place lies, from 0 to 1; on a ring the one opposite to the first is 1."""
    places = occupancy.sizes["place"]
    return (
        np.linspace(0, 1, places)
        if not closes(occupancy)
        else (1 - np.cos(2 * np.pi * np.arange(places) / places)) / 2
    )


@opened
def changed_behaviour(
    recorded: xr.Dataset, final_time: float = 0.5, preference: float = 0.0
) -> xr.Dataset:
    """Recording in which the subject spends less time running, or more of it at one end, from
    session to session.

    occupancy_s(x) is multiplied by (1 + (final_time - 1) u_s) exp(preference u_s x) / c_s, with u_s
    the elapsed time and x the place, both from 0 to 1 (on a ring x = (1 - cos a) / 2 of the angle a
    from the first place), and c_s such that the preference leaves the total time as it is. Observe
    a frozen code like this recording.

    Parameters
    ----------
    recorded : xarray.Dataset
        Longitudinal Dataset of ``measure``.
    final_time : float
        Running time in the last session relative to what it was; faster running is less time at the
        same places.
    preference : float
        How much the last place (of a ring, the opposite one) is preferred over the first in the
        last session, as the logarithm of a ratio.

    Returns
    -------
    xarray.Dataset
        With another ``occupancy``, and with ``event_count`` in proportion; all else stays, rates
        included.

    Raises
    ------
    RefusedInputError
        If ``final_time`` is not above 0.
    """
    check(recorded, "occupancy", "elapsed")
    require_places(recorded, "a change of behaviour")
    if not final_time > 0:
        raise RefusedInputError(
            f"final_time must be above 0, got {final_time}: 0.5 halves the running time until "
            "the last session."
        )
    occupancy = recorded["occupancy"]
    relative_elapsed = _relative_elapsed(recorded, 0)
    along = xr.DataArray(_along(occupancy), dims="place")
    over = [dim for dim in ("place", "direction") if dim in occupancy.dims]
    tilted = occupancy * np.exp(preference * relative_elapsed * along)
    tilted_time = tilted.sum(over)
    ratio = (occupancy.sum(over) / tilted_time.where(tilted_time > 0)).fillna(0.0)
    changed = tilted * ratio * (1 + (final_time - 1) * relative_elapsed)
    changed = changed.transpose(*occupancy.dims).assign_attrs(occupancy.attrs)
    if "event_count" not in recorded:
        return recorded.assign(occupancy=changed)
    events = recorded["event_count"]
    scaled = events * (changed / occupancy.where(occupancy > 0))
    scaled = scaled.transpose(*events.dims).assign_attrs(events.attrs)
    return recorded.assign(occupancy=changed, event_count=scaled)


def trend_of_behaviour(recorded: xr.Dataset) -> tuple[xr.Dataset, float]:
    """Recording whose running time follows the straight line through its own, by elapsed time, and
    how much of it is left in the last session.

    Parameters
    ----------
    recorded : xarray.Dataset
        Longitudinal Dataset with ``occupancy`` and ``elapsed``.

    Returns
    -------
    xarray.Dataset
        With another ``occupancy``, and with ``event_count`` in proportion.
    float
        Running time of the last session over that of the first, on the line; mean over subjects.
    """
    occupancy = recorded["occupancy"]
    over = [dim for dim in occupancy.dims if dim not in ("subject", "session")]
    time = occupancy.sum(over).reset_coords(drop=True)
    time, relative = time.where(time > 0), _relative_elapsed(recorded, 0).where(time > 0)
    apart = relative - relative.mean("session")
    power = (apart**2).sum("session")
    slope = ((apart * time).sum("session") / power.where(power > 0)).fillna(0.0)
    line = time.mean("session") + slope * apart
    line = line.clip(min=LEAST_TIME * time.mean("session"))
    ratio = line.where(relative == relative.max("session")).max("session") / line.where(
        relative == relative.min("session")
    ).max("session")
    factor = (line / time).fillna(1.0)
    changed = (occupancy * factor).transpose(*occupancy.dims).assign_attrs(occupancy.attrs)
    scaled = {"occupancy": changed}
    if "event_count" in recorded:
        events = recorded["event_count"]
        scaled["event_count"] = (events * factor).transpose(*events.dims).assign_attrs(events.attrs)
    return recorded.assign(scaled), float(ratio.mean())
