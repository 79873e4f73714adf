"""What a fit of a circuit says and does not say, in the words of the command line, the notebook and
the report."""

from __future__ import annotations

import json

import numpy as np
import xarray as xr
from scipy.stats import chi2

SIGNIFICANT = 0.05
SIMILARITIES = ("map_similarity", "population_similarity", "rate_similarity")
BETTER = float(chi2.ppf(0.95, 1))  # how much a lifetime must shorten the distance to be needed


def at_bound(one: xr.Dataset, parameter: str) -> str:
    """Return at which bound of the search a parameter ended, ``lower`` or ``upper``; empty where at
    none.

    Parameters
    ----------
    one : xarray.Dataset
        One subject of the Dataset of a fit.
    parameter : str
    """
    estimate = one.sel(parameter=parameter)
    if "at_bound" in estimate:
        return ("lower", "", "upper")[int(estimate["at_bound"]) + 1]
    if "search_low" not in estimate:  # fits kept from before bounds were
        return ""
    ends = [
        bool(np.isclose(estimate["estimate"], estimate[f"search_{end}"], rtol=1e-6))
        for end in ("low", "high")
    ]
    return "lower" if ends[0] else "upper" if ends[1] else ""  # files from before the label


def settled(one: xr.Dataset) -> bool:
    """Tell whether the search of one subject ended, so that its intervals mean something."""
    if "settled" in one:
        return bool(one["settled"])
    return bool((one["converged"] == 1).any()) if "converged" in one else True


def interval_words(one: xr.Dataset, parameter: str) -> str:
    """Return the 95 % interval of a parameter; an end at a bound of the search is no limit and is
    called so.

    Parameters
    ----------
    one : xarray.Dataset
        One subject of the Dataset of a fit.
    parameter : str
    """
    estimate = one.sel(parameter=parameter)
    low, high = (float(value) for value in estimate["interval"].values)
    if at_bound(one, parameter) or not settled(one) or not np.isfinite([low, high]).all():
        return ""
    below, above = open_ends(one, parameter)
    return f"{low:.4g}{' or less' if below else ''} to {high:.4g}{' or more' if above else ''}"


def open_ends(one: xr.Dataset, parameter: str) -> tuple[bool, bool]:
    """Tell whether the bounds of the search cut off the interval of a parameter below and above."""
    estimate = one.sel(parameter=parameter)
    if "search_low" not in estimate:  # fits kept from before bounds were
        return False, False
    ends = zip(estimate["interval"].values, ("search_low", "search_high"), strict=True)
    below, above = (
        bool(np.isclose(value, estimate[bound].item(), rtol=1e-9)) for value, bound in ends
    )
    return below, above


def described(one: xr.Dataset) -> bool:
    """Tell whether nothing speaks against the circuit; without that its intervals hold for no
    recording."""
    return not float(one["p_value"]) < SIGNIFICANT


def description(one: xr.Dataset) -> str:
    """Say whether the circuit describes the recording."""
    p_value = float(one["p_value"])
    if not np.isfinite(p_value):
        return "whether the circuit describes the recording is not known"
    return (
        "nothing speaks against the circuit"
        if described(one)
        else "the circuit does not describe the recording"
    )


def verdict(one: xr.Dataset) -> str:
    """Say in front of everything whether the circuit describes the recording.

    Parameters
    ----------
    one : xarray.Dataset
        One subject of the Dataset of a fit.
    """
    if not settled(one):
        return (
            "Cannot tell whether the circuit describes the recording: the search had not converged"
        )
    if not np.isfinite(float(one["p_value"])):
        return "Cannot tell whether the circuit describes the recording"
    return (
        "Describes: nothing speaks against the circuit"
        if described(one)
        else "Does not describe: the circuit does not describe the recording"
    )


def widened(one: xr.Dataset) -> list[str]:
    """Say that intervals were made wider where the circuit does not describe the recording, and
    what they rest on.

    Parameters
    ----------
    one : xarray.Dataset
        One subject of the Dataset of a fit.
    """
    sentences = []
    if "inflation" in one and float(one["inflation"]) > 1:
        sentences.append(
            f"Intervals are {float(one['inflation']):.2g} times as wide as they would be if the "
            "circuit described the recording."
        )
    count = int(one["calibrated"]) if "calibrated" in one else 0
    if count:
        alone = "" if "shared" in one else " They speak of this animal, 1 independent subject."
        sentences.append(
            f"Intervals and p value rest on {count} recordings simulated from the fitted circuit "
            f"with the sessions, places, units and events of this one.{alone}"
        )
    return sentences


def shared(one: xr.Dataset) -> list[str]:
    """Say which parameters the subjects share, and whether they agree.

    Parameters
    ----------
    one : xarray.Dataset
        One subject of the Dataset of a fit.
    """
    if "shared" not in one:
        return []
    sentences = []
    for name in one["parameter"].values[one["shared"].values == 1]:
        chance = float(one["agreement_p_value"].sel(parameter=name))
        verdict = "do not agree" if chance < SIGNIFICANT else "may have it in common"
        sentences.append(f"{name} is shared by all subjects, which {verdict} (p = {chance:.2g}).")
    return sentences


def one_lifetime(one: xr.Dataset) -> list[str]:
    """Say which single lifetime two time scales look like, as ``drift.estimate`` knows but one;
    nothing where a fit has one time scale.

    Parameters
    ----------
    one : xarray.Dataset
        One subject of the Dataset of a fit.
    """
    if "one_lifetime" not in one or "fast_share" not in one["parameter"].values:
        return []
    if not settled(one) or not np.isfinite(float(one["one_lifetime"])):
        return []
    low, high = one["one_lifetime_interval"].values
    interval = f" (95 % interval {low:.3g} to {high:.3g})" if np.isfinite([low, high]).all() else ""
    reason = (
        "that is what drift.estimate, which knows one lifetime, tells; weight_lifetime is that of "
        "the part which is not lost soon"
        if described(one)
        else "drift.estimate, which knows one lifetime and looks at the decay alone, may tell "
        "another, as this circuit does not describe the recording and weighs all statistics"
    )
    return [
        f"Taken for one time scale the weights last {float(one['one_lifetime']):.3g}{interval}: "
        f"{reason}."
    ]


# lifetimes of what moves the drives of a unit at all places alike, and how much of it there is
LIFTING = {"context_lifetime": "context_share", "excitability_lifetime": "excitability"}
USUAL_LAW = "ornstein_uhlenbeck"


def surroundings(one: xr.Dataset) -> list[str]:
    """Say what was given and not fitted, where it is not what is usual: the law of the weights, and
    the numbers of a context or of excitability.

    Parameters
    ----------
    one : xarray.Dataset
        One subject of the Dataset of a fit.
    """
    told = json.loads(str(one.attrs.get("surroundings", "{}")))
    law = str(told.pop("law", USUAL_LAW))
    sentences = [f"Weights follow the law {law.replace('_', ' ')}."] if law != USUAL_LAW else []
    if told:
        numbers = ", ".join(f"{name} = {value}" for name, value in told.items())
        sentences.append(f"Given, not fitted: {numbers}.")
    return sentences


def streams(one: xr.Dataset) -> list[str]:
    """Say which is lost sooner, what makes a unit active or what makes its tuning; nothing where a
    fit knows but one lifetime or has no interval of it.

    Parameters
    ----------
    one : xarray.Dataset
        One subject of the Dataset of a fit.
    """
    names = list(one["parameter"].values)
    lifting = [name for name in LIFTING if name in names]
    if not lifting or "weight_lifetime" not in names:
        return []
    source = LIFTING[lifting[0]]
    if source in names and at_bound(one, source) == "lower":
        return [f"{lifting[0]} says nothing: {source} ends at its lower bound, and no recording "
                "knows the lifetime of what is not there."]  # fmt: skip
    limits = [one["interval"].sel(parameter=name).values for name in ("weight_lifetime", *lifting)]
    (low, high), (own_low, own_high) = limits[:2]
    if not np.isfinite(limits).all():
        return []
    which = f"{lifting[0]} {own_low:.3g} to {own_high:.3g}, weight_lifetime {low:.3g} to {high:.3g}"
    if own_high < low:
        return [f"Mean rates are lost sooner than tuning ({which})."]
    if high < own_low:
        return [f"Tuning is lost sooner than mean rates ({which})."]
    return [
        f"Whether mean rates or tuning are lost sooner is not told: intervals overlap ({which})."
    ]


def posterior(one: xr.Dataset) -> list[str]:
    """Say what the posterior is, where there is one, and what speaks against trusting it.

    Parameters
    ----------
    one : xarray.Dataset
        One subject of the Dataset of a fit.
    """
    if "posterior" not in one:
        return []
    phrases = []
    for name in map(str, one["parameter"].values):
        low, middle, high = one["posterior"].sel(parameter=name, level=[0.025, 0.5, 0.975]).values
        phrases.append(f"{name} {middle:.4g} (95 % {low:.4g} to {high:.4g})")
    count = int(one["posterior_simulations"])
    among = ""
    if "posterior_learned" in one:
        among = f", {int(one['posterior_learned'])} of them where parameters remained possible"
    sentences = [
        f"Posterior, median and central interval, from {count} simulated recordings"
        f"{among}: {'; '.join(phrases)}."
    ]
    beyond = int(one["posterior_beyond"].sum())
    if beyond:
        sentences.append(
            f"{beyond} of {one.sizes['statistic']} statistics lie beyond all of these recordings: "
            "the posterior is an extrapolation."
        )
    if "posterior_cut_off" in one and one["posterior_cut_off"].any():
        names = one["parameter"].values[one["posterior_cut_off"].values.astype(bool)]
        sentences.append(
            f"The posterior reaches an end of where recordings were simulated last "
            f"({', '.join(map(str, names))}): give more simulations, or narrower bounds."
        )
    if "p_value" in one and not described(one):
        sentences.append(
            "It takes the circuit for true, which does not describe the recording: intervals are "
            "made wider for that, the posterior is not."
        )
    return sentences


MOST_NAMED = 6  # statistics that are named


def predictive_check(one: xr.Dataset) -> list[str]:
    """Say which statistics lie outside of 19 in 20 recordings that the fitted circuit makes.

    Parameters
    ----------
    one : xarray.Dataset
        One subject of the Dataset of a fit.
    """
    if "predictive_p" not in one:
        return []
    chance = one["predictive_p"].values
    tested, outside = np.isfinite(chance), np.flatnonzero(chance < SIGNIFICANT)
    names = [str(one["statistic"].values[place]) for place in outside[np.argsort(chance[outside])]]
    more = f"; and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    named = f": {'; '.join(names[:MOST_NAMED])}{more}" if names else ""
    return [
        f"{len(names)} of {int(tested.sum())} statistics lie outside of 19 in 20 of the recordings "
        f"that the fitted circuit makes ({SIGNIFICANT * tested.sum():.1f} would by chance){named}."
    ]


def _of_lag(one: xr.Dataset) -> np.ndarray:
    """Statistics of similarity over time that count, (statistic,) bool."""
    return np.isin(one["group"].values, SIMILARITIES) & np.isfinite(one["measured_error"].values)


def _distance(one: xr.Dataset, name: str, of_lag: np.ndarray) -> float:
    """Distance of the similarities; as if they were independent where the file does not hold it."""
    stored = {"predicted": "similarity_distance", "frozen": "frozen_distance"}[name]
    if stored in one:
        return float(one[stored])
    error = (one[name] - one["measured"]).values / one["measured_error"].values
    return float((error[of_lag] ** 2).sum())


def need_of_drift(one: xr.Dataset) -> str:
    """Say whether the similarity over time asks for drift: only where drift describes it better
    than frozen weights do.

    Drift is needed where the search has converged, frozen weights are rejected (p < .05), drift
    shortens the distance by more than 3.84 (chi squared of one parameter, p < .05), and is not
    rejected itself.
    """
    if not settled(one):
        return "whether drift is needed is not known, as the search had not converged"
    of_lag = _of_lag(one)
    if float(one["frozen_p_value"]) >= SIGNIFICANT:
        return "drift is not needed"
    fitted, frozen = (_distance(one, name, of_lag) for name in ("predicted", "frozen"))
    if not frozen - fitted > BETTER:
        return "frozen weights do not describe it, and this drift describes it no better"
    if chi2.sf(fitted, max(1, int(of_lag.sum()))) < SIGNIFICANT:
        return "drift comes closer than frozen weights, but does not describe it either"
    return "drift is needed"


def left_out(one: xr.Dataset) -> list[str]:
    """Say which statistics a fit leaves out, and why; nothing where it uses all.

    Parameters
    ----------
    one : xarray.Dataset
        One subject of the Dataset of a fit.
    """
    if "left_out" not in one:
        return []
    reasons, groups = one["left_out"].values.astype(str), one["group"].values.astype(str)
    phrases = []
    for reason in dict.fromkeys(reasons[reasons != ""]):
        named = [
            f"{group} ({((groups == group) & (reasons == reason)).sum()})"
            for group in dict.fromkeys(groups[reasons == reason])
        ]
        phrases.append(f"{', '.join(named)}, as {reason}")
    count = int((reasons != "").sum())
    return (
        [
            f"{count} of {reasons.size} statistics {'is' if count == 1 else 'are'} left out: "
            f"{'; '.join(phrases)}."
        ]
        if phrases
        else []
    )


def rooms(one: xr.Dataset) -> list[str]:
    """Say which pairs of sessions a fit leaves out because they lie in different environments;
    nothing where all lie in one.

    Parameters
    ----------
    one : xarray.Dataset
        One subject of the Dataset of a fit.
    """
    if "environments" not in one or not str(one["environments"].item()):
        return []
    return [
        f"Environments {one['environments'].item()}: pairs of sessions in different ones are "
        "left out of similarity over time."
    ]
