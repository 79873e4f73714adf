"""Does this code drift? All measures that decide it, of any source, in one call."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import partial
from typing import Literal

import xarray as xr

from drift.door import opened
from drift.door.quantities import Draws, NotNegative, Positive, Seed, Smoothing
from drift.stability import conclusions, life_tables, similarity
from drift.stability.absent import ABSENT, measured_or_reasons
from drift.stability.curves import PAIRS, curves_by_lag
from drift.stability.material import Material, material_of
from drift.stability.rules import StabilityRules
from drift.stability.tables import MAPS

# A further measure is one line here: what it is called where it is absent, and a function of what
# is measured that returns arrays, or refuses in a sentence.
MEASURES: dict[str, Callable[[Material], dict[str, xr.DataArray]]] = {
    "correlations": similarity.plain_similarity,
    "reliability and noise ceiling": similarity.noise_of_maps,
    "corrected similarity": similarity.similarity_without_noise,
    "drift index": similarity.index_of_drift,
    "drift rate": similarity.rate_of_drift,
    "decoder triple": similarity.decoder_errors,
    **{
        f"{what} of {group} units": partial(measure, group=group)
        for what, measure in (
            ("recurrence", life_tables.returning),
            ("test noise of recurrence", life_tables.returning_in_halves),
            ("survival", life_tables.lasting),
            ("hazard", life_tables.leaving),
        )
        for group in ("active", "place")
    },
    "shifts and jumps of fields": life_tables.shifting,
    "noise of jumps": life_tables.shifting_in_halves,
    "diffusion of fields": life_tables.moving,
    "density of fields": life_tables.crowding,
    "half-life": conclusions.lasting_time,
    "sampling noise": conclusions.noise_alone,
    "wrong matches": conclusions.wrong_matches_alone,
    "remapping": conclusions.other_rooms,
}
FROM_MAPS = ("activity_kind", "bin_size", "geometry", "measurement", "decoding", "place_unit_rule")


@opened
def code_stability(
    source: xr.Dataset | Iterable[xr.Dataset],
    *,
    smoothing: Smoothing = 1.0,
    minimum_events: NotNegative = 10,
    halves: Literal["auto", "trials", "time"] = "auto",
    shuffles: Draws = 0,
    bin_size: float | None = None,
    minimum_speed: float | None = None,
    direction: Literal["auto", "split", "pooled"] = "auto",
    decoder: Literal["auto", "bayes", "template", "linear", "classifier"] = "auto",
    window: Positive = 0.25,
    twins: Draws = 20,
    seed: Seed = 0,
) -> xr.Dataset:
    """Measure whether a code drifts: similarity of sessions as seen, at best and with the noise
    taken out, readouts of other days, who returns and who stays, how far fields move.

    Of session Datasets, maps of two halves of every session are measured and readouts decode frame
    by frame; calcium amplitudes count as one event each. Of a longitudinal Dataset, of a network,
    a circuit or a recording that was measured, what its maps tell is measured; halves are those
    that it has, equal ones where rates hold no noise, else events dealt to either by the toss of a
    coin. Sessions before learning are left out. What a source does not tell is absent from the
    result, and the attribute ``absent`` says why; see ``drift.stability.absent_measures``.

    Parameters
    ----------
    source : xarray.Dataset or iterable of xarray.Dataset
        Session Datasets, as ``data_adapters.sessions`` and ``drift.observe`` give them, which are
        kept until all are measured; or a longitudinal Dataset of ``train``, ``run_sessions`` or
        ``measure``.
    smoothing : float
        Standard deviation in bins of the Gaussian that maps and vectors are smoothed with before
        they are compared; none over stimuli, and none for what has a rule of its own (fields,
        information, readouts).
    minimum_events : float
        Events at valid places that make a unit active in a session; units active in both sessions
        are compared, whether they are place units or not, as these are chosen by the same noise.
        Rates without noise, and those made of no counts, need any activity.
    halves : {"auto", "trials", "time"}
        Of sessions; see ``drift.measure``. By default laps, and blocks of time where there are
        none.
    shuffles, bin_size, minimum_speed, direction
        Of sessions; see ``drift.measure``.
    decoder, window
        Of readouts; see ``drift.metrics.decoding``. A run without noise is decoded as it is, place
        by place.
    twins : int
        Frozen twins that a recording is set beside, 20 or more; see ``drift.sampling_noise``. 0 for
        none.
    seed : int
        Of shuffles, of disorder, of coins, of twins and of bands.

    Returns
    -------
    xarray.Dataset
        By pair (subject, session, session_other): ``rate_map_correlation``,
        ``population_vector_correlation``, ``ensemble_rate_correlation``, ``correlation_ceiling``
        (of rate maps), ``corrected_similarity`` (NaN where the reliability of a session is less
        than two standard errors over units above 0), ``corrected_population_vector_similarity``,
        ``corrected_ensemble_rate_similarity``, ``mean_drift_index``, ``decoding_error``,
        ``refitted_decoding_error`` and ``shuffled_decoding_error`` (units of position; ``session``
        trained, ``session_other`` tested), ``jumps`` with ``_by_chance``, ``_of_halves`` and
        ``_by_noise``; over ``shift``, too, ``shift_share`` and ``shift_share_by_chance``; over
        ``group`` ("active", "place"), too, the variables of ``metrics.recurrence``. Each of them
        again as ``<name>_by_lag`` (subject, room, lag, ...), the mean of the pairs of one room at
        a time between sessions, in units of ``elapsed``.
        By session: ``reliability``, ``gains`` and ``losses`` (..., group), ``field_density`` with
        its band (..., place[, direction]). By age: ``survival`` and ``hazard`` (subject, age,
        group) with standard errors. By subject: ``drift_rate`` and ``intercept`` of the corrected
        similarity, ``diffusion_exponent``; ``mean_squared_displacement`` and ``excess_kurtosis``
        (subject, lag); ``half_life_estimate`` with ``_lower``, ``_upper`` and ``_reason`` (see
        ``metrics.half_life``);
        ``wrong_matches_explaining_all``, the rate of wrong matches a session that would. By
        measure (subject, measure): ``noise_recorded`` beside ``noise_frozen`` with ``_low`` and
        ``_high``, ``noise_p_value``, ``noise_verdict`` and ``noise_sentence`` (see
        ``drift.sampling_noise``). By environment (subject, environment, environment_other): the
        variables of ``metrics.remapping``, ``remapping_...``. Beside them the maps: ``rate``,
        ``occupancy``, ``recorded``, ``place_unit``. Attributes: ``code_stability``, the options as
        JSON; ``halves``, "trials",
        "time", "coin", "exact" or "none"; ``absent``, reasons by measure, as JSON.

    Raises
    ------
    RefusedInputError
        If there is no session, or sessions cannot be measured; see ``drift.measure``.
    SchemaError
        If the source is neither sessions nor a longitudinal Dataset.

    References
    ----------
    Marks & Goard 2021, Nat Commun 12:5169; Geva, Deitch, Rubin & Ziv 2023, Nat Neurosci 26:1549;
    Ziv et al. 2013, Nat Neurosci 16:264. Each measure names its own.

    Examples
    --------
    >>> stability = drift.code_stability(data_adapters.sessions("sheintuch2023", path))
    >>> drift.save(stability, "stability.nc")
    """
    rules = StabilityRules(
        smoothing=smoothing,
        minimum_events=minimum_events,
        halves=halves,
        shuffles=shuffles,
        bin_size=bin_size,
        minimum_speed=minimum_speed,
        direction=direction,
        decoder=decoder,
        window=window,
        twins=twins,
        seed=seed,
    )
    material = material_of(source, rules)
    arrays, absent = _measured(material)
    return _labelled(material, arrays, absent)


def _measured(material: Material) -> tuple[list[xr.Dataset], dict[str, str]]:
    """Datasets of all measures, and reasons for those that are absent."""
    results, absent = [], dict(material.absent)
    for name, measure in MEASURES.items():
        arrays, reasons = measured_or_reasons(name, partial(measure, material))
        results.append(xr.Dataset({key: _bare(array) for key, array in arrays.items()}))
        absent |= reasons
    return results, absent


def _bare(array: xr.DataArray) -> xr.DataArray:
    """Without coordinates beside its dims, which are those of the maps."""
    return array.reset_coords(drop=True).drop_vars(["unit", "half"], errors="ignore")


def _labelled(material: Material, results: list[xr.Dataset], absent: dict[str, str]) -> xr.Dataset:
    """All measures, their means by lag, and the maps, with what was asked and what is absent."""
    maps = material.maps
    whole = xr.merge(results, join="outer", compat="no_conflicts", combine_attrs="override")
    names = [name for name, array in whole.data_vars.items() if set(PAIRS) <= set(array.dims)]
    curves = curves_by_lag(whole[names], maps["elapsed"])
    held = maps[[name for name in MAPS if name in maps]]
    measures = whole.merge(curves, join="outer", combine_attrs="override")
    attrs = {name: maps.attrs[name] for name in FROM_MAPS if name in maps.attrs}
    attrs |= {"halves": material.halves, "code_stability": material.rules.to_json()}
    attrs |= {ABSENT: json.dumps(absent)}
    return held.drop_attrs(deep=False).merge(measures, join="left").assign_attrs(attrs)
