"""What a fit found: estimates with intervals, what is not identified, and how well the circuit
describes the recording."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from drift.files.store import load, save
from drift.fit_words import (
    at_bound,
    interval_words,
    left_out,
    need_of_drift,
    one_lifetime,
    posterior,
    predictive_check,
    rooms,
    settled,
    shared,
    streams,
    surroundings,
    verdict,
    widened,
)
from drift.html import block, table
from drift.schema.labelled_form import RefusedInputError


@dataclass(frozen=True, repr=False)
class Fit:
    """Result of ``circuits.fit``; everything it knows is in ``dataset``.

    Attributes
    ----------
    dataset : xarray.Dataset
        Dims ``subject``, ``parameter``, ``statistic``, ``restart``, ``point``: ``estimate``, NaN at
        a bound of the search, which is told by ``at_bound`` (-1, 0, 1), while ``best`` is where the
        search ended; ``interval`` (95 %, clipped to the bounds), NaN at a bound and where the
        search is not ``settled``; ``identified`` (1 where there is an interval that spans less than
        half of the search range), ``parameter_correlation``, ``condition_number`` of the
        information matrix, ``profile_distance`` at ``profile_value``, ``measured``,
        ``measured_error``, ``predicted``, ``frozen`` (the same circuit without drift), ``left_out``
        (why a statistic does not count, empty where it does), ``environments`` (those visited,
        empty where there is one), ``distance``, ``degrees_of_freedom``, ``p_value``,
        ``predictive_interval`` and ``predictive_p`` of each statistic, ``inflation`` of the
        intervals where the circuit is rejected, ``calibrated`` (recordings they rest on),
        ``similarity_distance``, ``frozen_distance``, ``frozen_p_value``, ``one_lifetime`` with
        ``one_lifetime_interval`` (what ``drift.estimate``, which knows one lifetime, tells); where
        subjects share parameters ``shared`` and ``agreement_p_value``; with a posterior its
        quantiles ``posterior`` (parameter, level), ``posterior_beyond`` (which statistics lie
        beyond all simulated ones), ``posterior_cut_off`` (for which parameters it reaches an end of
        where recordings were simulated last), ``posterior_simulations`` and ``posterior_learned``
        (how many recordings were simulated, and lie there).
    """

    dataset: xr.Dataset

    @property
    def estimate(self) -> xr.DataArray:
        """Estimates, (subject, parameter), each in its own units."""
        return self.dataset["estimate"]

    @property
    def interval(self) -> xr.DataArray:
        """95 % intervals, (subject, parameter, bound)."""
        return self.dataset["interval"]

    @property
    def identified(self) -> xr.DataArray:
        """1 where the recording tells the parameter, 0 where it does not, (subject, parameter)."""
        return self.dataset["identified"]

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the fit as netCDF; see ``drift.save``."""
        return save(self.dataset, path, overwrite=overwrite)

    @classmethod
    def load(cls, path: str | Path) -> Fit:
        """Read a fit that ``save`` wrote."""
        dataset = load(path)
        if "profile_distance" not in dataset:
            raise RefusedInputError(f"{path} holds no fit: pass a file written by Fit.save.")
        return cls(dataset)

    def plot(self, subject: int = 0) -> Any:
        """Return a figure of one subject: measured against predicted statistics, similarity against
        lag, and profiles."""
        if not 0 <= subject < self.dataset.sizes["subject"]:
            raise RefusedInputError(
                f"subject must be from 0 to {self.dataset.sizes['subject'] - 1}, got {subject}."
            )
        from circuits.fitting.plots import fit_figure

        return fit_figure(self.dataset.isel(subject=subject))

    def sentences(self, subject: int = 0) -> list[str]:
        """Return what was found for one subject: whether the circuit describes it, one sentence
        for each parameter, and what fits badly."""
        estimates = self.dataset.isel(subject=subject)
        return [
            _verdict(estimates),
            *(_sentence(estimates, name) for name in estimates["parameter"].values),
            *_goodness(estimates),
        ]

    def __repr__(self) -> str:
        labels = self.dataset["subject"].values
        return "\n".join(
            "\n  ".join([f"subject {label}", *self.sentences(number)])
            for number, label in enumerate(labels)
        )

    def _repr_html_(self) -> str:
        """Show the fit in a notebook: one table of estimates a subject, and how well the circuit
        describes it."""
        return block(
            *(
                _shown(self.dataset.isel(subject=number))
                for number in range(self.dataset.sizes["subject"])
            )
        )


def _sentence(estimates: xr.Dataset, name: str) -> str:
    parameter = estimates.sel(parameter=name)
    low, high = parameter["search_low"].item(), parameter["search_high"].item()
    if end := at_bound(estimates, name):
        bound = low if end == "lower" else high
        return (
            f"{name} is not identified: it ends at the {end} bound of the search, {bound:g}, "
            "which is no estimate; widen the bounds."
        )
    statement = f"{name} = {parameter['estimate'].item():.4g}"
    if not settled(estimates):
        return (
            f"not converged: {statement} so far, not identified, without an interval; raise "
            "generations."
        )
    statement = f"{statement} (95 % interval {interval_words(estimates, name)})"
    if parameter["identified"].item():
        return f"{statement}."
    return (
        f"{statement}: not identified, the statistics hardly narrow the search range of {low:g} to "
        f"{high:g}{_partner(estimates, name)}."
    )


def _partner(estimates: xr.Dataset, name: str) -> str:
    """Name the parameter that trades off most with an unidentified one."""
    row = (
        estimates["parameter_correlation"]
        .sel(parameter=name)
        .where(estimates["parameter_other"] != name)
    )
    if row.size < 2 or not float(np.abs(row).max()) > 0.9:
        return ""
    partner = row["parameter_other"].values[int(np.nanargmax(np.abs(row.values)))]
    correlation = row.sel(parameter_other=partner).item()
    return f"; it trades off with {partner} (correlation {correlation:.2f})"


def _verdict(estimates: xr.Dataset) -> str:
    return (
        f"{verdict(estimates)} (distance {estimates['distance'].item():.3g} for "
        f"{int(estimates['degrees_of_freedom'])} degrees of freedom, "
        f"p = {estimates['p_value'].item():.2g})."
    )


def _goodness(estimates: xr.Dataset) -> list[str]:
    sentences = [
        *widened(estimates),
        *shared(estimates),
        *one_lifetime(estimates),
        *streams(estimates),
        *posterior(estimates),
        *predictive_check(estimates),
        f"Condition number {estimates['condition_number'].item():.3g}.",
    ]
    if "frozen_distance" in estimates and np.isfinite(estimates["frozen_distance"].item()):
        sentences.append(
            f"Similarity over time: distance {estimates['similarity_distance'].item():.3g} with "
            f"drift, {estimates['frozen_distance'].item():.3g} for "
            f"the same circuit with frozen weights (p = {estimates['frozen_p_value'].item():.2g}): "
            f"{need_of_drift(estimates)}."
        )
    sentences += [*surroundings(estimates), *rooms(estimates), *left_out(estimates)]
    if not estimates["converged"].values.all():
        sentences.append(
            f"{int((estimates['converged'] == 0).sum())} of {estimates.sizes['restart']} searches "
            "had not converged: raise generations."
        )
    return sentences


def _shown(estimates: xr.Dataset) -> str:
    head = ("parameter", "estimate", "units", "95 % interval", "identified")
    names = [str(name) for name in estimates["parameter"].values]
    units = (
        estimates["parameter_units"].values if "parameter_units" in estimates else [""] * len(names)
    )
    verdicts = ["yes" if flag else "no" for flag in estimates["identified"].values]  # by parameter
    cells = [
        (_estimate(estimates, name), interval_words(estimates, name) or "none") for name in names
    ]
    rows = [
        (name, best, unit, interval, flag)
        for name, (best, interval), unit, flag in zip(names, cells, units, verdicts, strict=True)
    ]
    sentences = "".join(f"<p>{escape(sentence)}</p>" for sentence in _goodness(estimates))
    shown = table(head, rows, f"Fit of subject {estimates['subject'].item()}")
    return f"<p>{escape(_verdict(estimates))}</p>{shown}{sentences}"


def _estimate(estimates: xr.Dataset, name: str) -> str:
    """Estimate as shown in a table: none at a bound of the search."""
    if end := at_bound(estimates, name):
        return f"none: at the {end} bound"
    remark = "" if settled(estimates) else " (not converged)"
    return f"{estimates['estimate'].sel(parameter=name).item():.4g}{remark}"
