"""How far back membership remembers: chains of order 0, 1 and 2."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.stats import chi2

from drift.door import opened
from drift.door.quantities import NotNegative
from drift.metrics.fields.hazards import log_likelihood
from drift.metrics.fields.membership import Group, require_group
from drift.metrics.fields.sequences import IN, Sequence, states

PASTS = ("out, out", "out, in", "in, out", "in, in")  # the session before the last, the last


@opened
def markov_order(
    dataset: xr.Dataset, of: Group = "place", minimum_events: NotNegative = 0.0
) -> xr.Dataset:
    """Whether a unit is in, given whether it was in one session and two sessions before.

    Order 0: the same probability whatever was before; order 1: it depends on the last session;
    order 2: on the last two. All three are fitted to the same three sessions in a row, of units
    observed in all of them. Twice the difference of log likelihoods of two orders is chi-squared
    with as many degrees of freedom as there are further probabilities; BIC = m ln(n) - 2 ln L with
    m probabilities and n triples. Units are taken as alike: units that differ in how often they are
    in look like a longer memory.

    Parameters
    ----------
    dataset, of, minimum_events
        As in ``recurrence``.

    Returns
    -------
    xarray.Dataset
        ``log_likelihood``, ``bic``, ``parameters`` (subject, order); ``likelihood_ratio`` and
        ``p_value`` (subject, order) against one order less, NaN for order 0; ``probability``
        (subject, past) of being in, and ``triples`` (subject, past), how often each past occurred;
        ``best_order`` (subject) of the lowest BIC, NaN without triples.

    Raises
    ------
    RefusedInputError
        If no two sessions may be compared, the group is unknown, or events cannot be counted.
    SchemaError
        If a variable is missing.

    References
    ----------
    Anderson & Goodman 1957, Ann Math Stat 28:89; Katz 1981, Technometrics 23:243 (BIC of the
    order).
    """
    require_group(dataset, of, minimum_events)
    rows = [_orders(*_triples(own)) for own in states(dataset, of, minimum_events)]
    dims = {"probability": ("past",), "triples": ("past",), "best_order": ()}
    variables = {
        name: (
            ("subject", *dims.get(name, ("order",))),
            np.stack([row[name] for row in rows]),
            {"units": "1"},
        )
        for name in rows[0]
    }
    coords = {"subject": dataset["subject"].values} if "subject" in dataset.coords else {}
    stated = {"of": of, "minimum_events": minimum_events}
    return xr.Dataset(
        variables, coords={**coords, "order": [0, 1, 2], "past": list(PASTS)}, attrs=stated
    )


def _triples(sets: list[Sequence]) -> tuple[np.ndarray, np.ndarray]:
    """How often each past occurred, and how often the unit was in then; (past) each."""
    total, inside = np.zeros(4), np.zeros(4)
    for _, state, _ in sets:
        early, late, state_after = state[:-2], state[1:-1], state[2:]
        full = np.isfinite(early) & np.isfinite(late) & np.isfinite(state_after)
        past = (2 * early[full] + late[full]).astype(int)
        total += np.bincount(past, minlength=4)
        inside += np.bincount(past, state_after[full] == IN, minlength=4)
    return total, inside


def _orders(total: np.ndarray, inside: np.ndarray) -> dict[str, np.ndarray]:
    # Of order 1 the last session counts: pasts 0 and 2 are one, as are 1 and 3.
    groups = [np.zeros(4, dtype=int), np.array([0, 1, 0, 1]), np.arange(4)]
    fits = [
        log_likelihood(np.bincount(group, inside), np.bincount(group, total)) for group in groups
    ]
    parameters = np.array([1.0, 2.0, 4.0])
    likelihood = np.array(fits) if total.sum() else np.full(3, np.nan)
    ratio = np.concatenate([[np.nan], 2 * np.diff(likelihood)])
    freedom = np.concatenate([[np.nan], np.diff(parameters)])
    bic = parameters * np.log(max(total.sum(), 1)) - 2 * likelihood
    return {
        "log_likelihood": likelihood,
        "parameters": parameters,
        "bic": bic,
        "likelihood_ratio": ratio,
        "p_value": chi2.sf(ratio, freedom),
        "probability": np.divide(inside, total, out=np.full(4, np.nan), where=total > 0),
        "triples": total,
        "best_order": np.float64(np.argmin(bic) if total.sum() else np.nan),
    }
