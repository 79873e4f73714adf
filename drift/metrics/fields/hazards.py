"""At which age members are lost: the hazard, and whether it depends on age at all."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.special import xlogy
from scipy.stats import chi2

from drift.door import opened
from drift.door.quantities import NotNegative
from drift.metrics.fields.life_times import GROUPS, Stays
from drift.metrics.fields.membership import require_group
from drift.metrics.fields.sequences import Followed, all_stays, counts_by_age, states

EXPECTED = 5.0  # losses, and stays, that a class of ages should have for the law of large numbers


@opened
def hazard(
    dataset: xr.Dataset,
    of: Followed = "place",
    minimum_events: NotNegative = 0.0,
    *,
    stays: Stays = "born",
) -> xr.Dataset:
    """Probability of a member to be lost at an age, given that it stayed until then, and the test
    whether it is the same at all ages.

    h_a = d_a / n_a, with d_a the losses at age a and n_a the stays at risk. Constant hazard means
    geometric life times: fields that are lost by chance, whatever their age. Against it stands one
    hazard for each age, by twice the ratio of log likelihoods of the binomial losses, which is
    chi-squared with one degree of freedom less than there are ages. The oldest ages are taken
    together until at least 5 losses and 5 stays would be expected in each. Units that differ in how
    long they stay make the hazard of all fall with age, though that of each may not.

    Parameters
    ----------
    dataset, of, minimum_events
        As in ``survival``.
    stays : {"born", "all"}
        Stays that were observed to begin, whose age is known, or all, with ages from when a unit
        was first observed in.

    Returns
    -------
    xarray.Dataset
        ``hazard``, ``standard_error``, ``at_risk``, ``losses_at_age`` (subject, age), ages from 1
        session on; ``constant_hazard``, ``likelihood_ratio``, ``degrees_of_freedom``, ``p_value``
        and ``bic_difference`` (subject): BIC of one hazard for each age less that of one for all,
        above 0 where age explains nothing; NaN where there are fewer than two classes of ages.

    Raises
    ------
    RefusedInputError
        If no two sessions may be compared, the group is unknown, or events cannot be counted.
    SchemaError
        If a variable is missing.

    References
    ----------
    Cox & Oakes 1984, Analysis of Survival Data (discrete hazards).
    """
    require_group(dataset, of, minimum_events, GROUPS)
    table = [all_stays(own, stays == "born") for own in states(dataset, of, minimum_events)]
    ages = max(2, max((int(duration.max(initial=0)) for duration, _ in table), default=0) + 1)
    rows = []
    for own in table:
        losses, _, at_risk = counts_by_age(*own, ages)
        rows.append(_by_age(losses[1:], at_risk[1:]) | _test(losses[1:], at_risk[1:]))
    variables = {
        name: (
            ("subject", "age") if np.ndim(first) else ("subject",),
            np.stack([row[name] for row in rows]),
            {"units": "1"},
        )
        for name, first in rows[0].items()
    }
    coords = {"subject": dataset["subject"].values} if "subject" in dataset.coords else {}
    age = ("age", np.arange(1, ages), {"units": "session"})
    stated = {"of": of, "minimum_events": minimum_events, "stays": stays}
    return xr.Dataset(variables, coords={**coords, "age": age}, attrs=stated)


def _by_age(losses: np.ndarray, at_risk: np.ndarray) -> dict[str, np.ndarray]:
    rate = np.divide(losses, at_risk, out=np.full(losses.size, np.nan), where=at_risk > 0)
    error = np.sqrt(rate * (1 - rate) / np.maximum(at_risk, 1))
    return {"hazard": rate, "standard_error": error, "at_risk": at_risk, "losses_at_age": losses}


def _classes(losses: np.ndarray, at_risk: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ages as they are, the oldest taken together until enough is expected of each."""
    common = losses.sum() / max(at_risk.sum(), 1)
    enough = at_risk * min(common, 1 - common) >= EXPECTED
    first = int(np.argmin(enough)) if not enough.all() else enough.size
    late = at_risk[first:].sum()
    if late * min(common, 1 - common) < EXPECTED:
        first = max(first - 1, 0)
    starts = np.arange(min(first + 1, losses.size))
    return np.add.reduceat(losses, starts), np.add.reduceat(at_risk, starts)


def log_likelihood(losses: np.ndarray, at_risk: np.ndarray) -> float:
    """Log likelihood of binomial losses at their own shares.

    Parameters
    ----------
    losses, at_risk : numpy.ndarray
        (class)
    """
    share = np.divide(losses, at_risk, out=np.zeros(losses.shape), where=at_risk > 0)
    return float((xlogy(losses, share) + xlogy(at_risk - losses, 1 - share)).sum())


def _test(losses: np.ndarray, at_risk: np.ndarray) -> dict[str, float]:
    total = int(at_risk.sum())
    losses, at_risk = _classes(losses, at_risk)
    freedom = losses.size - 1
    alike = log_likelihood(losses.sum(keepdims=True), at_risk.sum(keepdims=True))
    ratio = 2 * (log_likelihood(losses, at_risk) - alike) if freedom else np.nan
    return {
        "constant_hazard": losses.sum() / total if total else np.nan,
        "likelihood_ratio": ratio,
        "degrees_of_freedom": float(freedom),
        "p_value": float(chi2.sf(ratio, freedom)) if freedom else np.nan,
        "bic_difference": freedom * np.log(total) - ratio if freedom else np.nan,
    }
