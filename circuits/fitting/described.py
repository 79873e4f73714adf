"""What is told of one subject after the search: the Dataset of its fit."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.stats import chi2

from circuits.fitting.calibration import (
    Calibration,
    calibrated_half_widths,
    calibrated_p_value,
    calibration,
    inflation,
)
from circuits.fitting.certainty import at_bounds, certain, left_out, settled
from circuits.fitting.one_lifetime import one_lifetime
from circuits.fitting.posterior import LEVELS, posterior
from circuits.fitting.predictive import predictive_check
from circuits.fitting.refinement import echo_seeds, gone_on
from circuits.fitting.search import distances, half_widths, profile
from circuits.fitting.statistics import OF_LAG
from circuits.fitting.subject import Found

CONFIDENCE = 0.95
REJECTED = 0.05  # p value below which a circuit does not describe a recording
# of the covariance, towards its diagonal: a bootstrap cannot tell all correlations of two dozen
# statistics
DIAGONAL_SHARE = 0.3
PROFILE_POINTS = 41
FEWEST_FREEDOM = 2  # of the covariance, which rests on as many sessions and on many more units


def described(found: Found, simulations: int) -> xr.Dataset:
    """Return the Dataset of one subject.

    Parameters
    ----------
    found : Found
        After the search.
    simulations : int
        Recordings from which a posterior is learned; 0 for none.
    """
    simulated = None
    if found.errors is not None:
        simulated = calibration(found.refined, found.errors, _shrunk)
    ended = gone_on(found.optima, found.refined, found.sought, found.precision)
    fitted = _labelled(found._replace(optima=ended), _still(found), simulated)
    if simulations:
        fitted = _with_posterior(fitted, found, simulations)
    return fitted.expand_dims(subject=[found.label])


def _with_posterior(fitted: xr.Dataset, found: Found, simulations: int) -> xr.Dataset:
    """The Dataset of one subject with quantiles of its posterior."""
    told = posterior(found, simulations)
    return fitted.assign(
        posterior=(("parameter", "level"), told.quantiles),
        posterior_beyond=("statistic", told.beyond.astype("int8")),
        posterior_cut_off=("parameter", told.cut_off.astype("int8")),
        posterior_simulations=((), simulations),
        posterior_learned=((), told.learned),
    ).assign_coords(level=list(LEVELS))


def _still(found: Found) -> np.ndarray:
    """Statistics (all statistics,) of the estimate if weights had stayed: those of the fit, less
    what drift takes from the circuit."""
    model, seeds = found.model, echo_seeds(found.model.seed)
    candidate = found.bounds.values(found.refined.unit)
    drifting = model(np.tile(candidate, (len(seeds), 1)), seeds).mean(axis=0)
    level = found.refined.law.statistics - drifting[found.usable]
    return model.frozen(candidate, seeds) + _spread(np.nan_to_num(level), found.usable)


def _shrunk(covariance: np.ndarray) -> np.ndarray:
    """Return a covariance that can be inverted, for the distance of statistics: a part of it is
    moved to the diagonal."""
    return (1 - DIAGONAL_SHARE) * covariance + DIAGONAL_SHARE * np.diag(np.diagonal(covariance))


def _labelled(found: Found, frozen: np.ndarray, simulated: Calibration | None) -> xr.Dataset:
    model, bounds, target, usable = found.model, found.bounds, found.target, found.usable
    optima, refined = found.optima, found.refined
    unit, law, own_uncertainty = refined.unit, refined.law, refined.known
    half = np.sqrt(np.diagonal(own_uncertainty.covariance))
    rests_on = max(FEWEST_FREEDOM, model.lens.elapsed.size - 1)
    covariance = _shrunk(refined.covariance)
    precision = np.linalg.inv(covariance)
    freedom = max(1, int(usable.sum()) - unit.size)
    distance = float(distances(law.statistics[np.newaxis], target[usable], precision)[0])
    p_value, usual = float(chi2.sf(distance, freedom)), float(freedom)
    reach = half_widths(own_uncertainty.covariance, CONFIDENCE, rests_on)
    if simulated is not None:
        p_value, usual = (
            calibrated_p_value(simulated, distance),
            float(simulated.distance.mean()),
        )
        reach = calibrated_half_widths(simulated, CONFIDENCE)
    wider = inflation(distance, usual, p_value < REJECTED)
    reach = wider * reach
    interval = np.stack([bounds.values(unit - reach), bounds.values(unit + reach)], axis=-1)
    edge, ended = at_bounds(unit, refined.aimed, optima), settled(optima, reach)
    told = ended & (edge == 0)  # (parameter,) where there is an estimate with an interval
    # (point, parameter)
    grid = np.clip(unit + 3 * half * np.linspace(-1, 1, PROFILE_POINTS)[:, np.newaxis], 0.0, 1.0)
    profiles = [
        profile(law, target[usable], refined.precision, unit, number, grid[:, number])
        for number in range(unit.size)
    ]
    of_lag = np.array([group in OF_LAG for group in model.selection.groups])[usable]
    parameter, statistic = ("parameter",), ("statistic",)
    error, predicted = (
        _spread(values, usable)
        for values in (np.sqrt(np.diagonal(refined.covariance)), law.statistics)
    )
    variables = {
        "estimate": (parameter, np.where(edge == 0, bounds.values(unit), np.nan)),
        "best": (parameter, bounds.values(unit)),
        "at_bound": (parameter, edge.astype("int8")),
        "settled": ((), np.int8(ended)),
        "interval": (("parameter", "bound"), np.where(told[:, np.newaxis], interval, np.nan)),
        "identified": (parameter, (told & certain(optima, bounds, unit, reach)).astype("int8")),
        "parameter_correlation": (
            ("parameter", "parameter_other"),
            own_uncertainty.covariance / np.outer(half, half),
        ),
        "condition_number": ((), own_uncertainty.condition_number),
        "restart_estimate": (("restart", "parameter"), bounds.values(optima.unit)),
        "restart_distance": (("restart",), optima.distance),
        "converged": (("restart",), optima.converged.astype("int8")),
        "profile_value": (("parameter", "point"), bounds.values(grid).T),
        "profile_distance": (("parameter", "point"), np.array(profiles)),
        "measured": (statistic, target),
        "measured_error": (statistic, error),
        "predicted": (statistic, predicted),
        "frozen": (statistic, frozen),
        "left_out": (statistic, left_out(target, usable, model.selection.groups)),
        "distance": ((), distance),
        "degrees_of_freedom": ((), freedom),
        "p_value": ((), p_value),
        "calibrated": ((), 0 if simulated is None else len(simulated.distance)),
        "inflation": ((), wider),
        **predictive_check(target, predicted, error, usable, simulated),
        **_against_frozen(law.statistics, frozen[usable], target[usable], covariance, of_lag),
        "simulated_candidates": ((), optima.simulated),
        **_one_lifetime(found, simulated, bool(told.all()), wider),
    }
    coords = {
        "parameter": list(bounds.names),
        "parameter_other": list(bounds.names),
        "bound": ["low", "high"],
        "statistic": list(model.selection.names),
        "group": ("statistic", list(model.selection.groups)),
        "search_low": (parameter, bounds.low),
        "search_high": (parameter, bounds.high),
    }
    return xr.Dataset(variables, coords=coords)


def _one_lifetime(found: Found, simulated: Calibration | None, told: bool, wider: float) -> dict:
    """The lifetime that weights would have if it were one; its interval where all parameters have
    one."""
    model, bounds, unit = found.model, found.bounds, found.refined.unit
    fitted = model.wandering(bounds.values(unit))
    if fitted is None or model.lifted:  # one lifetime of all that moves a unit is not known
        return {}
    lifetime, ends = one_lifetime(fitted, model.lens.elapsed), np.full(2, np.nan)
    if simulated is not None and told:
        points = bounds.values(unit + simulated.unit)
        drifts = [drift for drift in map(model.wandering, points) if drift is not None]
        lifetimes = np.array([one_lifetime(drift, model.lens.elapsed) for drift in drifts])
        reach = calibrated_half_widths(
            simulated._replace(unit=np.log(lifetimes / lifetime)[:, np.newaxis]), CONFIDENCE
        )
        ends = lifetime * np.exp(wider * np.array([-reach[0], reach[0]]))
    return {"one_lifetime": ((), lifetime), "one_lifetime_interval": (("bound",), ends)}


def _spread(values: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Return values (usable statistic,) among all statistics, NaN for the others."""
    padded_values = np.full(usable.size, np.nan)
    padded_values[usable] = values
    return padded_values


def _against_frozen(
    predicted: np.ndarray,
    frozen: np.ndarray,
    target: np.ndarray,
    covariance: np.ndarray,
    of_lag: np.ndarray,
) -> dict:
    """Distances of the similarities alone: of the fit, and of the same circuit with weights that
    stay."""
    if not of_lag.any():
        return {}
    precision = np.linalg.inv(covariance[np.ix_(of_lag, of_lag)])
    fitted, still = distances(np.stack([predicted, frozen])[:, of_lag], target[of_lag], precision)
    return {
        "similarity_distance": ((), fitted),
        "frozen_distance": ((), still),
        "frozen_p_value": ((), float(chi2.sf(still, int(of_lag.sum())))),
    }
