"""Where does a code drift? From sessions to the table of its geometry in one call."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import pandas as pd
import xarray as xr

from drift.door import opened
from drift.door.quantities import Confidence, Draws, NotNegative, Seed
from drift.measurement.event_counting import counted_events
from drift.measurement.measuring import measure
from drift.metrics.event_kinds import activity_kind
from drift.metrics.geometry.exchanged_trials import exchanged_trial_p_values
from drift.metrics.geometry.geometry_table import geometry_table
from drift.metrics.geometry.trial_noise import trial_noise_covariance
from drift.schema.labelled_form import check
from drift.stability.material import material_of_maps
from drift.stability.rules import StabilityRules
from drift.stability.similarity import active_flags


@opened
def drift_geometry(
    source: xr.Dataset | Iterable[xr.Dataset],
    *,
    minimum_events: NotNegative = 10,
    halves: Literal["trials", "time"] = "trials",
    bin_size: float | None = None,
    minimum_speed: float | None = None,
    direction: Literal["auto", "split", "pooled"] = "auto",
    groups: Draws = 10,
    null: Draws = 20,
    exchanges: Draws = 199,
    confidence: Confidence = 0.95,
    seed: Seed = 0,
) -> pd.DataFrame:
    """Where does it drift? Alignment with noise and with the code, dimension, transformations,
    stability of similarities and coordination, naive, of a code at rest and cross-validated, each
    with its interval and its null, of sessions.

    Of sessions, noise is that of single trials and whether there is a drift is told by exchanging
    trials between sessions. Of a longitudinal Dataset halves tell both, and laps on which all units
    fire more may pass for a drift.

    Parameters
    ----------
    source : xarray.Dataset or iterable of xarray.Dataset
        Session Datasets; or a longitudinal Dataset with ``rate_half``, or of a network without
        noise. Calcium amplitudes of sessions count as one event each.
    minimum_events : float
        Events that make a unit active in a session; units active in both are compared.
    halves, bin_size, minimum_speed, direction
        Of sessions; see ``drift.measure``.
    groups, null, confidence
        See ``metrics.geometry_table``.
    exchanges : int
        See ``metrics.exchanged_trial_p_values``.
    seed : int
        Of groups, nulls and exchanges.

    Returns
    -------
    pandas.DataFrame
        See ``metrics.geometry_table``.

    Raises
    ------
    RefusedInputError
        If sessions cannot be measured by halves, or no two may be compared.
    SchemaError
        If the source is neither sessions nor a longitudinal Dataset.

    Examples
    --------
    >>> drift.stability.drift_geometry(data_adapters.sessions("sheintuch2023", path))
    """
    told: dict[str, Any] = {}
    if isinstance(source, xr.Dataset) and "sample" not in source.dims:
        maps = check(source, "rate", "occupancy", "elapsed")
    else:
        options: dict[str, Any] = {
            "halves": halves, "bin_size": bin_size, "minimum_speed": minimum_speed,
            "direction": direction,
        }  # fmt: skip
        sessions = _counted([source] if isinstance(source, xr.Dataset) else list(source))
        maps = measure(sessions, **options)
        told["noise"] = trial_noise_covariance(sessions, **options)
        if exchanges:
            told["p_values"] = exchanged_trial_p_values(
                sessions, exchanges=exchanges, seed=seed, **options
            )
    rules = StabilityRules(minimum_events=minimum_events, seed=seed)
    material = material_of_maps(maps, rules)
    return geometry_table(
        material.maps,
        keep=active_flags(material),
        groups=groups,
        null=null,
        confidence=confidence,
        seed=seed,
        **told,
    )


def _counted(sessions: list[xr.Dataset]) -> list[xr.Dataset]:
    """Sessions of amplitudes as those of the events that they are."""
    kinds = [activity_kind(check(session, "activity")["activity"]) for session in sessions]
    return list(counted_events(sessions)) if "amplitudes" in kinds else sessions
