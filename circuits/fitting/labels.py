"""What every variable of a fit is, and in which units."""

from __future__ import annotations

import xarray as xr

OF_PARAMETER = (
    "estimate", "best", "interval", "restart_estimate", "profile_value", "posterior",
)  # fmt: skip
MEANINGS = {
    "estimate": "estimate of the parameter, NaN where the search ended at a bound",
    "best": "where the search ended, whose statistics are the predicted ones",
    "at_bound": "-1 or 1 where the search ended at its lower or upper bound, else 0",
    "settled": "1 where the best search ended, or another one as good ended beside it",
    "interval": "95 % interval of the parameter, clipped to the bounds; NaN at a bound or of a "
    "search that did not end",
    "identified": "1 where an interval is known and spans less than half of the search range",
    "parameter_correlation": "correlation of two estimates",
    "condition_number": "largest over smallest eigenvalue of the information matrix, in "
    "coordinates of the search",
    "restart_estimate": "best candidate of each restart",
    "restart_distance": "its distance, with weights of single statistics",
    "converged": "1 where the restart ended before its last generation",
    "profile_value": "values at which the parameter is held",
    "profile_distance": "distance, with weights of single statistics, with the parameter held and "
    "the others free",
    "measured": "statistic of the recording",
    "measured_error": "standard error of measured minus predicted statistic",
    "predicted": "statistic of the fitted circuit, mean over several simulations",
    "frozen": "statistic of the same circuit with weights that stay",
    "left_out": "why the statistic does not count, empty where it does",
    "environments": "environments with their sessions, empty where there is one; similarity is "
    "compared within each",
    "distance": "squared distance of predicted and measured statistics in units of their "
    "covariance",
    "degrees_of_freedom": "statistics less parameters",
    "p_value": "chance of a larger distance if the circuit were true",
    "calibrated": "recordings simulated at the estimate, that intervals and the p value rest on; 0 "
    "where they rest on the covariance of the statistics",
    "inflation": "factor that intervals are wider by, as the circuit does not describe the "
    "recording: sqrt(distance / distance of a true circuit), else 1",
    "predictive_interval": "95 % of recordings that are simulated at the estimate lie within it",
    "predictive_p": "chance that the statistic of such a recording lies as far out, two-sided",
    "similarity_distance": "distance of the similarities over time alone",
    "frozen_distance": "the same for weights that stay",
    "frozen_p_value": "chance of a larger distance if weights stayed",
    "shared": "1 where all subjects have the parameter in common",
    "agreement_p_value": "chance of subjects as far apart if they had the parameter in common, NaN "
    "where it is not shared",
    "one_lifetime": "lifetime of the one exponential closest to the correlation of the fitted "
    "weights, in units of elapsed: what drift.estimate, which knows one lifetime, tells",
    "one_lifetime_interval": "95 % of it, by simulated recordings; NaN without them",
    "posterior": "quantile of the posterior of the parameter, by neural posterior estimation with "
    "a prior that is even in the coordinates of the search",
    "posterior_beyond": "1 where the statistic of the recording lies beyond all simulated ones",
    "posterior_cut_off": "1 where the posterior reaches an end of where recordings were simulated "
    "last that is no bound",
    "posterior_simulations": "recordings simulated for the posterior, in all rounds",
    "posterior_learned": "those among them that lie where the last round was drawn, from which it "
    "was learned",
    "simulated_candidates": "candidates simulated by the search",
}


def with_units(joined: xr.Dataset, recording: xr.Dataset) -> xr.Dataset:
    """Return a fit whose variables say what they are and whose parameters have the units of the
    recording."""
    elapsed = str(recording["elapsed"].attrs.get("units", "1"))
    units_by_parameter = {
        "weight_lifetime": elapsed,
        "fast_weight_lifetime": elapsed,
        "context_lifetime": elapsed,
        "excitability_lifetime": elapsed,
        "input_width": str(recording["place"].attrs.get("units", "1")),
    }
    for name, meaning in MEANINGS.items():
        if name in joined:
            joined[name].attrs.update(
                units="as parameter" if name in OF_PARAMETER else "1", long_name=meaning
            )
    units = [units_by_parameter.get(str(name), "1") for name in joined["parameter"].values]
    return joined.assign_coords(parameter_units=("parameter", units)).assign_attrs(
        elapsed_units=elapsed
    )
