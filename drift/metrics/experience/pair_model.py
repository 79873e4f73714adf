"""Days, visits or behaviour: with which of them does a code drift?"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Confidence, Draws, Seed
from drift.errors import RefusedInputError
from drift.metrics.experience.mixed_model import Array, Fit, Robust, Rows, fitted
from drift.metrics.experience.pair_rows import PairRows, pair_rows, present_behaviour
from drift.metrics.experience.permuted_sessions import permutation_p, session_orders
from drift.metrics.intervals.limits import half_width
from drift.metrics.stability.corrected import corrected_similarity
from drift.metrics.stability.correlations import mean_rate_map_correlation
from drift.metrics.stability.halves import has_halves
from drift.schema.labelled_form import check

TOGETHER = 0.9  # correlation of time and experience above which a design tells them badly apart
SAME = 1 - 1e-9  # and from which it does not at all
COMPONENTS = ("subject", "session", "pair")
NUMBERS = ("estimate", "lower", "upper", "standard_error", "degrees_of_freedom", "p_value")


@opened
def time_and_experience(
    dataset: xr.Dataset,
    similarity: xr.DataArray | None = None,
    *,
    experience: str = "visits",
    behaviour: Sequence[str] | None = None,
    link: Literal["log", "identity"] = "log",
    permutations: Draws = 999,
    confidence: Confidence = 0.95,
    seed: Seed = 0,
) -> xr.Dataset:
    """Does the code change with the days that pass, with the visits to the environment, or with
    behaviour? A mixed model on pairs of sessions.

    With C_st the similarity of sessions s and t of one subject in one environment,

        g(C_st) = b0 + b_T |t_s - t_t| + b_E |e_s - e_t| + b_B d(behaviour_s, behaviour_t)
                  + u_subject + u_(subject, s) + u_(subject, t) + error,

    g the logarithm (of a code that loses the same share every day, log C falls on a line) or the
    identity. A pair is a member of both its sessions (multi-membership), which is estimated by
    restricted maximum likelihood. What changes between two sessions is common to all pairs that
    span it, which no effect of sessions describes: in simulated studies of five mice whose fields
    are redrawn with the days, Wald's intervals of this model covered in 43 to 56 %. Standard
    errors are therefore made of the agreement of subjects, with Student's quantiles (Bell &
    McCaffrey's, of subjects with one design those of their own coefficients), which covered in 93
    to 98 %.

    p is the share of 1 + ``permutations`` orders of the sessions of each subject in each
    environment with as large a t, where what the model without the term leaves is exchanged, with a
    sign for each subject (Freedman & Lane; see ``permuted_sessions``), and t is that by the
    agreement of subjects. Where coefficients were compared without it, pure drift with time showed
    an effect of visits in 50 % of studies at the level .05, where visits were exchanged in 80 %.
    With fewer than five subjects there are few signs, and p can hardly fall below .05.

    Only a design in which the two come apart can tell days from visits, such as two environments
    that are visited at different intervals (Geva et al. 2023).

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset of ``measure`` with ``elapsed``, the coordinate ``environment`` and
        what ``experience`` and ``behaviour`` name; units are tracked.
    similarity : xarray.DataArray, optional
        (subject, session, session_other); by default ``corrected_similarity``, or
        ``mean_rate_map_correlation`` where there are no halves.
    experience : str
        "visits" to the environment, "laps" run there until the end of the session, or any other
        number (subject, session).
    behaviour : sequence of str, optional
        Covariates of sessions (subject, session, ...): distances are differences, of ``occupancy``
        half the summed difference of the shares of time, each in units of its root mean square, and
        the root of the mean of their squares. By default those of mean_speed, running_time and
        occupancy that are there; () for none. Covariates that do not differ do not enter.
    link : {"log", "identity"}
        g.
    permutations : int
        Orders of sessions; 0 for no p.
    confidence : float
        How often an interval covers.
    seed : int
        Of the stream "shuffle".

    Returns
    -------
    xarray.Dataset
        By ``term`` (intercept, time, experience, behaviour): ``estimate``, ``lower``, ``upper``,
        ``standard_error``, ``degrees_of_freedom`` and ``p_value``; coefficients of g(C), below 0
        where the code is lost, in the units of the coordinate ``term_units``. ``variance``
        (component): subject, session, and pair. ``time_experience_correlation``, ``pairs``,
        ``independent_subjects``. Of a single subject there is no interval and no p. Where time and
        experience run strictly together both estimates are NaN.

    Warns
    -----
    UserWarning
        If time and experience correlate above .9 over pairs.

    Raises
    ------
    RefusedInputError
        If no pairs can be compared, there are fewer pairs than four beyond the terms, all lie
        equally far apart, or the logarithm of a similarity that is not above 0 is needed.

    References
    ----------
    Geva, Deitch, Rubin & Ziv 2023, Neuron 111:2357 (design); Browne, Goldstein & Rasbash 2001, Stat
    Modelling 1:103; Bell & McCaffrey 2002, Survey Methodology 28:169; Freedman & Lane 1983, J Bus
    Econ Stat 1:292.
    """
    check(dataset, "elapsed")
    alike, name = _similarity(dataset, similarity)
    covariates = present_behaviour(dataset) if behaviour is None else tuple(behaviour)
    pairs = pair_rows(dataset, alike, experience, covariates)
    model = _Model.of(pairs, link)
    together = _correlation(pairs)
    _warn(together)
    judged = _judged(model, pairs, dataset["subject"], permutations, confidence, seed)
    told = {"link": link, "experience": experience, "similarity": name}
    told["behaviour"] = " ".join(covariates) if "behaviour" in pairs.distances else ""
    result = _labelled(judged, model, str(dataset["elapsed"].attrs.get("units", "1")), experience)
    result["time_experience_correlation"] = ((), together, {"units": "1"})
    subjects = model.rows.response.shape[0]
    words = f"subjects like these {subjects}" if subjects > 1 else "one subject: no interval"
    return result.assign_coords(confidence=float(confidence)).assign_attrs(
        **told, speaks_of=words, method="student"
    )


class _Model(NamedTuple):
    """Rows by subject, names of the terms, and those of them whose coefficients can be told."""

    rows: Rows
    fit: Fit
    terms: tuple[str, ...]
    told: list[int]

    @classmethod
    def of(cls, pairs: PairRows, link: str) -> _Model:
        terms = ("intercept", *pairs.distances)
        columns = np.column_stack([np.ones(pairs.subject.size), *pairs.distances.values()])
        told = _told(columns, terms)
        _refuse(columns[:, told], [terms[term] for term in told], pairs)
        rows = _rows(_linked(pairs.similarity, link), columns[:, told], pairs)
        return cls(rows, fitted(rows), terms, told)


def _told(columns: Array, terms: tuple[str, ...]) -> list[int]:
    """Positions of the terms that enter: not experience where it is time, in other units."""
    time, experience = terms.index("time"), terms.index("experience")
    same = abs(_of(columns[:, time], columns[:, experience])) > SAME
    flat = np.ptp(columns[:, experience]) == 0
    return [term for term in range(len(terms)) if term != experience or not (same or flat)]


def _of(first: Array, second: Array) -> float:
    """Pearson correlation, 0 where either does not vary."""
    apart = first - first.mean(), second - second.mean()
    size = np.sqrt((apart[0] ** 2).sum() * (apart[1] ** 2).sum())
    return float(apart[0] @ apart[1] / size) if size > 0 else 0.0


def _correlation(pairs: PairRows) -> float:
    return _of(pairs.distances["time"], pairs.distances["experience"])


def _warn(together: float) -> None:
    if together > TOGETHER:
        warnings.warn(
            f"time and experience correlate by {together:.2f} over pairs of sessions: this design "
            "cannot tell one from the other; visit environments at different intervals, or let "
            "the laps differ.",
            stacklevel=4,
        )


def _refuse(columns: Array, terms: list[str], pairs: PairRows) -> None:
    count, needed = pairs.subject.size, columns.shape[1] + 4
    if count < needed:
        raise RefusedInputError(
            f"a model of {', '.join(terms)} needs at least {needed} pairs of sessions, got "
            f"{count}: record more sessions, or leave behaviour out with behaviour=()."
        )
    scaled = columns / np.maximum(np.abs(columns).max(axis=0), 1e-300)
    if np.linalg.matrix_rank(scaled) < scaled.shape[1]:
        raise RefusedInputError(
            f"{', '.join(terms[1:])} do not vary apart over the pairs of sessions: record sessions "
            "that lie at two intervals at least, or leave behaviour out with behaviour=()."
        )


def _linked(similarity: Array, link: str) -> Array:
    if link == "identity":
        return similarity
    if (similarity <= 0).any():
        raise RefusedInputError(
            f"the logarithm needs similarities above 0, got {int((similarity <= 0).sum())} of "
            f"{similarity.size} at or below it: nothing measurable is left at these lags; use "
            'link="identity", or leave long lags out of similarity.'
        )
    return np.log(similarity)


def _rows(response: Array, columns: Array, pairs: PairRows) -> Rows:
    """By subject, with an effect of the subject and one of each of its sessions in a pair."""
    subjects, counts = np.unique(pairs.subject, return_counts=True)
    sessions = int(pairs.second.max()) + 1
    shape = (subjects.size, int(counts.max()))
    filled = np.zeros(shape), np.zeros((*shape, columns.shape[1])), np.zeros((*shape, 1 + sessions))
    for row, subject in enumerate(subjects):
        own = np.flatnonzero(pairs.subject == subject)
        place = np.arange(own.size)
        filled[0][row, place], filled[1][row, place] = response[own], columns[own]
        filled[2][row, place, 0] = 1.0 if subjects.size > 1 else 0.0
        filled[2][row, place, 1 + pairs.first[own]] = 1.0
        filled[2][row, place, 1 + pairs.second[own]] = 1.0
    return Rows(*filled, np.minimum(np.arange(1 + sessions), 1), pairs.subject.size)


def _judged(
    model: _Model,
    pairs: PairRows,
    names: xr.DataArray,
    permutations: int,
    confidence: float,
    seed: int,
) -> Array:
    """(number, term) of ``NUMBERS`` of all terms, NaN where they cannot be told."""
    rows, fit = model.rows, model.fit
    numbers = np.full((len(NUMBERS), fit.coefficients.size), np.nan)
    numbers[0] = fit.coefficients
    if len(rows.response) > 1:
        robust = Robust.of(fit.information)
        scores = np.einsum("kan,kn->ka", fit.projection, rows.response)
        _, numbers[3] = robust.judged(scores, fit.information)
        numbers[4] = robust.degrees
        width = half_width(numbers[3], robust.degrees, confidence)
        numbers[1:3] = fit.coefficients - width, fit.coefficients + width
        if permutations:
            length = rows.response.shape[1]
            orders = session_orders(pairs, names, length, permutations, seed)
            for term in range(1, fit.coefficients.size):
                numbers[5, term] = permutation_p(rows, fit, robust, term, orders)
    full = np.full((len(NUMBERS), len(model.terms)), np.nan)
    full[:, model.told] = numbers
    if "experience" not in [model.terms[term] for term in model.told]:
        full[:, model.terms.index("time")] = np.nan
    return full


def _labelled(numbers: Array, model: _Model, time: str, experience: str) -> xr.Dataset:
    units = {"intercept": "1", "time": f"1/{time}", "behaviour": "1"}
    units["experience"] = f"1/{experience.removesuffix('s')}"
    names = list(model.terms)
    result = xr.Dataset(
        {name: ("term", values) for name, values in zip(NUMBERS, numbers, strict=True)},
        coords={"term": names, "term_units": ("term", [units[name] for name in names])},
    )
    ratios = np.zeros(2)
    ratios[: model.fit.ratios.size] = model.fit.ratios
    if len(model.rows.response) == 1:
        ratios[0] = np.nan
    variance = model.fit.variance * np.array([*ratios, 1.0])
    result["variance"] = ("component", variance, {"units": "1"})
    result["pairs"] = ((), model.rows.size, {"units": "1"})
    subjects = len(model.rows.response)
    told = {"units": "1", "long_name": "independent subjects"}
    result["independent_subjects"] = ((), subjects, told)
    return result.assign_coords(component=list(COMPONENTS))


def _similarity(dataset: xr.Dataset, similarity: xr.DataArray | None) -> tuple[xr.DataArray, str]:
    """Of every two sessions, and its name."""
    if similarity is None:
        measure = corrected_similarity if has_halves(dataset) else mean_rate_map_correlation
        similarity = measure(dataset)
    dims = ("subject", "session", "session_other")
    sizes = tuple(dataset.sizes[dim] for dim in dims[:2])
    if set(similarity.dims) != set(dims) or similarity.transpose(*dims).shape != (
        *sizes,
        sizes[1],
    ):
        raise RefusedInputError(
            f"similarity was expected over subject, session and session_other of the Dataset, got "
            f"{dict(similarity.sizes)}: pass what corrected_similarity or another measure of two "
            "sessions returns, its mean over units."
        )
    return similarity, str(similarity.name or "similarity")
