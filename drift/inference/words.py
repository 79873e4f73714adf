"""The answer in sentences, for the terminal, for reports and for files."""

from __future__ import annotations

import numpy as np
import xarray as xr

from drift.inference.identifiability import NAMED
from drift.inference.prior import MEANINGS, MECHANISMS

SHOWN = 3


def sentences(answer: xr.Dataset, label: str) -> list[str]:
    """Return what is said of one animal: whether it looks like the bank, the verdict, what would
    decide, and what to record next.

    Parameters
    ----------
    answer : xarray.Dataset
        Of one subject, without the dim.
    label : str
        Of the subject.
    """
    told = [f"{label}: {_verdict(answer)}", *_drawn(answer), _novelty(answer)]
    kind = str(answer["verdict"].values)
    if kind == "unlike":
        return [*told, _misfits(answer)]
    told.append(_families(answer))
    if kind == "named":
        return [*told, *_intervals(answer)]
    return [*told, _separating(answer), *_next(answer)]


def _verdict(answer: xr.Dataset) -> str:
    kind = str(answer["verdict"].values)
    if kind == "unlike":
        return "no simulated mechanism looks like this recording."
    remain = _by_probability(answer.isel(mechanism=np.flatnonzero(answer["remains"].values)))
    listed = ", ".join(f"{name} {_written(chance)}" for name, chance in remain)
    if kind == "named":
        return f"{listed}: this mechanism is named, as its posterior is at least .9."
    return f"undecided. These mechanisms have 95 % of the posterior: {listed}."


def _written(chance: float) -> str:
    """A probability with two decimals, with three where two would say that it suffices for a
    name."""
    if chance < NAMED <= round(chance, 2):
        return f"{min(chance, NAMED - 1e-3):.3f}"
    return f"{chance:.2f}"


def _drawn(answer: xr.Dataset) -> list[str]:
    """How the first mechanism fares with other cells, where more were recorded than are used."""
    used, recorded = int(answer["cells_used"]), int(answer["cells_recorded"])
    if used == recorded:
        return []
    at = int(np.argmax(answer["probability"].values))
    low, high = (float(answer[f"probability_{end}"].values[at]) for end in ("low", "high"))
    return [
        f"Of {recorded} cells {used}, as many as the bank has, were drawn ten times: the posterior "
        f"of {answer['mechanism'].values[at]} was {low:.2f} to {high:.2f}."
    ]


def _by_probability(answer: xr.Dataset) -> list[tuple[str, float]]:
    pairs = zip(answer["mechanism"].values.astype(str), answer["probability"].values.tolist())
    return sorted(pairs, key=lambda pair: -pair[1])


def _novelty(answer: xr.Dataset) -> str:
    chance = float(answer["novelty_p"].values)
    return (
        f"Of simulated windows {100 * chance:.2g} % are as far from all others as this recording "
        f"(p = {chance:.3f}); below 5 % no mechanism is named."
    )


def _misfits(answer: xr.Dataset) -> str:
    """Statistics that lie farthest out among simulated windows."""
    percentile = answer["percentile"]
    outside = abs(percentile - 0.5).fillna(-1).values
    at = np.argsort(-outside)[:SHOWN]
    listed = ", ".join(
        f"{name} (above {100 * share:.1f} % of windows)"
        for name, share in zip(percentile["statistic"].values[at], percentile.values[at])
    )
    return f"Farthest out lie {listed}."


def _families(answer: xr.Dataset) -> str:
    chances: dict[str, float] = {}
    for name, chance in _by_probability(answer):
        family = MECHANISMS[name].family
        chances[family] = chances.get(family, 0.0) + chance
    ordered = sorted(chances.items(), key=lambda pair: -pair[1])
    return "By family: " + ", ".join(f"{name} {chance:.2f}" for name, chance in ordered) + "."


def _separating(answer: xr.Dataset) -> str:
    first, second = (name for name, _ in _by_probability(answer)[:2])
    power = answer["separates"].fillna(-1).values
    at = np.argsort(-power)[:SHOWN]
    listed = ", ".join(
        f"{name} ({size:.1f} standard deviations)"
        for name, size in zip(answer["statistic"].values[at], power[at])
    )
    return f"What would separate {first} from {second}: {listed}."


def _next(answer: xr.Dataset) -> list[str]:
    remain = np.flatnonzero(answer["remains"].values)
    order = sorted(remain, key=lambda at: -float(answer["probability"].values[at]))
    return [f"To tell {answer['enough'].values[at]}." for at in order[:SHOWN]]


def _intervals(answer: xr.Dataset) -> list[str]:
    if "posterior" not in answer:
        return ["Its parameters were not asked for."]
    at = int(np.argmax(answer["probability"].values))
    own = answer["posterior"].isel(mechanism=at)
    lines = []
    for name in own["parameter"].values:
        low, middle, high = own.sel(parameter=name).values
        if np.isfinite(middle):
            lines.append(
                f"{MEANINGS[str(name)]}: {middle:.2g} (95 % of draws {low:.2g} to {high:.2g})."
            )
    return lines
