"""Which mechanism does a recording show? The answer, with what it rests on."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Count, Seed
from drift.errors import RefusedInputError
from drift.files.store import load, provenance
from drift.inference.bank import KIND, statistics_version
from drift.inference.estimators import Estimators, estimators_path, load_estimators, rows_of
from drift.inference.identifiability import NAMED, enough_to_tell
from drift.inference.observed import Observed, observed_subject
from drift.inference.posterior import require_sbi
from drift.inference.prior import MECHANISMS, PARAMETERS, Prior
from drift.inference.statistics.table import statistics
from drift.inference.verdict import Verdict, separating_statistics, verdict_of
from drift.inference.words import sentences
from drift.metrics.intervals.limits import of_percentiles
from drift.observation.lens import own_stream
from drift.progress import progress_bar

CONFIDENCE = 0.95
QUANTILES = (0.025, 0.5, 0.975)  # lower limit, median, upper limit
LOOKS = 10  # at other cells, where more were recorded than the bank has
NEAR = 0.5  # of the windows, those with designs most like that of the recording


class Bank(NamedTuple):
    """A bank that was read: its Dataset, what it taught, and the checksum of its file."""

    dataset: xr.Dataset
    estimators: Estimators
    sha256: str


@opened
def infer(
    recorded: xr.Dataset,
    bank: str | Path,
    *,
    parameters: bool = True,
    draws: Count = 2000,
    seed: Seed = 0,
    progress: bool = True,
) -> xr.Dataset:
    """Tell which of the simulated mechanisms a recording shows, or that this cannot be told.

    About sixty statistics of the recording, its design among them, are held against those of a bank
    of simulated runs. First, does it look like any of them? If fewer than 5 % of simulated windows
    are as far from the bank, no mechanism is named. Else, with a posterior of at least .9, one is;
    else the answer is "undecided", with the smallest set of mechanisms that has 95 % of the mass,
    the statistics that would separate the first two, and the cells and sessions from which on the
    posterior of each is expected to pass .9. Each animal is answered by itself. Where more cells
    were recorded than the bank has, as many are drawn ten times, and posteriors are means over the
    draws.

    Parameters
    ----------
    recorded : xarray.Dataset
        Longitudinal Dataset of ``measure``, best with halves; of a track, with whole numbers of
        events and at least three sessions of the same cells.
    bank : str or Path
        Of ``repdrift infer --make-bank``, with its estimators beside it.
    parameters : bool
        Posteriors of the numbers of each mechanism too, which takes the package sbi.
    draws : int
        From each posterior.
    seed : int
        Of the draws, and of the choice of cells where more were recorded than the bank has.
    progress : bool
        Show a bar over animals.

    Returns
    -------
    xarray.Dataset
        By ``subject``: ``probability`` (mechanism), ``novelty_p``, ``verdict`` ("unlike", "named",
        "undecided"), ``remains`` (mechanism), whether a mechanism is among the answer, ``value``
        and ``percentile`` (statistic) among simulated windows, ``posterior`` (mechanism, parameter,
        quantile), ``separates`` (statistic), ``enough`` (mechanism), ``cells_used``,
        ``cells_recorded``, ``probability_low`` and ``probability_high`` (mechanism) over
        draws of cells, ``sentences``.
        Attributes hold the prior and the checksum of the bank.

    Raises
    ------
    RefusedInputError
        If the recording or the bank cannot be used, or sbi is asked for and not installed.

    Examples
    --------
    >>> answer = drift.infer(recorded, "bank.nc")
    >>> print("\\n".join(answer["sentences"].values[0].split("\\n")))
    """
    if parameters:
        require_sbi()
    if "rate" not in recorded or "subject" not in recorded.coords:
        raise RefusedInputError(
            "a recording was expected as drift.measure(sessions, halves='trials') returns it, got "
            f"a Dataset of {', '.join(map(str, recorded.data_vars)) or 'nothing'}: measure it "
            "first."
        )
    whole = read_bank(Path(bank), flows=parameters)
    labels = recorded["subject"].values
    answers = []
    with progress_bar(total=len(labels), disable=not progress, unit="animal", desc="infer") as bar:
        for subject in range(len(labels)):
            answers.append(_answer(recorded, subject, whole, draws if parameters else 0, seed))
            bar.update()
    joined = xr.concat(answers, dim="subject", combine_attrs="drop_conflicts")
    return joined.assign_coords(subject=labels).assign_attrs(_attributes(whole))


def read_bank(path: Path, *, flows: bool) -> Bank:
    """Return a bank and its estimators.

    Parameters
    ----------
    path : Path
    flows : bool
        Posteriors of parameters too.

    Raises
    ------
    RefusedInputError
        If the file is no bank, was made with other statistics than these, or its estimators are
        those of another bank.
    """
    dataset = load(path)
    if dataset.attrs.get("title") != KIND:
        raise RefusedInputError(
            f"{path} was expected to be a bank of mechanisms, got {dataset.attrs.get('title')!r}: "
            "pass what repdrift infer --make-bank wrote."
        )
    if dataset.attrs["statistics_code"] != statistics_version():
        raise RefusedInputError(
            f"{path} was expected to hold the statistics of this version "
            f"({statistics_version()}), got those of {dataset.attrs['statistics_code']}: make it "
            "again with this version."
        )
    estimators = load_estimators(estimators_path(path), flows=flows)
    if estimators.bank != dataset.attrs["content_sha256"]:
        raise RefusedInputError(
            f"{estimators_path(path)} was expected to be trained on {path}, got the estimators of "
            "another bank: keep both files of a bank together."
        )
    return Bank(dataset, estimators, hashlib.sha256(path.read_bytes()).hexdigest())


def _answer(recorded: xr.Dataset, subject: int, bank: Bank, draws: int, seed: int) -> xr.Dataset:
    rng = own_stream(recorded, subject, seed)
    observed = observed_subject(recorded, subject)
    looks = _looks(observed, bank, rng)
    values = np.array([_values(look, bank) for look in looks])  # (look, statistic)
    estimators = bank.estimators
    each = estimators.probabilities(values)  # (look, mechanism)
    unlike = estimators.novelty.p_values(estimators.scaling.numbers(values))
    probabilities, novelty_p = each.mean(axis=0), float(np.median(unlike))
    verdict = verdict_of(probabilities, estimators.mechanisms, novelty_p)
    answer = _labelled(values, probabilities, novelty_p, verdict, bank, draws, rng)
    answer["probability_low"] = ("mechanism", each.min(axis=0), {"units": "1"})
    answer["probability_high"] = ("mechanism", each.max(axis=0), {"units": "1"})
    answer["cells_used"] = ((), looks[0].present.shape[1], {"units": "1"})
    answer["cells_recorded"] = ((), observed.present.shape[1], {"units": "1"})
    answer["sentences"] = (
        (),
        "\n".join(sentences(answer, str(recorded["subject"].values[subject]))),
    )
    return answer


def _looks(observed: Observed, bank: Bank, rng: np.random.Generator) -> list[Observed]:
    """What was seen, by as many cells as simulated designs have at most: of more cells as many,
    drawn at random several times."""
    most = Prior.from_json(bank.dataset.attrs["prior"])
    cells, limit = observed.present.shape[1], min(most.cells[1], max(most.units))
    if cells <= limit:
        return [observed]
    return [observed.of_units(np.sort(rng.permutation(cells)[:limit])) for _ in range(LOOKS)]


def _values(observed: Observed, bank: Bank) -> list[float]:
    """Statistics (statistic,) in the order of the bank."""
    numbers = statistics(observed)
    return [numbers[name] for name in bank.dataset["statistic"].values]


def _labelled(
    looks: np.ndarray,
    probabilities: np.ndarray,
    novelty_p: float,
    verdict: Verdict,
    bank: Bank,
    draws: int,
    rng: np.random.Generator,
) -> xr.Dataset:
    mechanisms = bank.estimators.mechanisms
    values = xr.DataArray(looks, dims=("look", "statistic")).mean("look").values
    remains = np.array([name in verdict.mechanisms for name in mechanisms], dtype="int8")
    variables: dict[str, Any] = {
        "probability": ("mechanism", probabilities, {"units": "1"}),
        "novelty_p": ((), novelty_p, {"units": "1"}),
        "verdict": ((), verdict.kind),
        "remains": ("mechanism", remains, {"units": "1"}),
        "value": ("statistic", values, {"units": "1"}),
        "percentile": ("statistic", _percentiles(values, bank), {"units": "1"}),
        "separates": ("statistic", _separates(values, probabilities, bank), {"units": "1"}),
        "enough": ("mechanism", [enough_to_tell(bank.dataset, name) for name in mechanisms]),
    }
    if draws:
        variables["posterior"] = (
            ("mechanism", "parameter", "quantile"),
            _posteriors(looks, bank, draws, rng),
            {"units": "1"},
        )
    coords = {
        "mechanism": list(mechanisms), "statistic": bank.dataset["statistic"].values,
        "parameter": list(PARAMETERS), "quantile": list(QUANTILES),
    }  # fmt: skip
    return xr.Dataset(variables, coords=coords)


def _percentiles(values: np.ndarray, bank: Bank) -> np.ndarray:
    """Share of simulated windows, of those where it is known, that lie below each statistic."""
    simulated = bank.dataset["value"].values
    counts = np.isfinite(simulated).sum(axis=0)
    below = (simulated < values).sum(axis=0) + 0.5 * (simulated == values).sum(axis=0)
    return np.where(np.isfinite(values), below / np.maximum(counts, 1), np.nan)


def _separates(values: np.ndarray, probabilities: np.ndarray, bank: Bank) -> np.ndarray:
    """By how much the two most probable mechanisms differ, NaN for the design."""
    dataset, scaling = bank.dataset, bank.estimators.scaling
    simulated = scaling.numbers(dataset["value"].values.astype(float))
    design = np.char.startswith(dataset["statistic"].values.astype(str), "design_")
    apart = simulated[:, design] - scaling.numbers(values[np.newaxis])[0, design]
    distance = (apart**2).sum(axis=1)
    near = (distance <= np.sort(distance)[int(NEAR * (len(distance) - 1))]) & rows_of(
        dataset, "train"
    )
    first, second = np.array(bank.estimators.mechanisms)[np.argsort(-probabilities)[:2]]
    truth = dataset["window_mechanism"].values
    power = separating_statistics(simulated, truth == first, truth == second, near)
    return np.where(design | ~np.isfinite(values), np.nan, power)


def _posteriors(looks: np.ndarray, bank: Bank, draws: int, rng: np.random.Generator) -> np.ndarray:
    """(mechanism, parameter, quantile) of all looks (look, statistic) together, NaN for parameters
    that a mechanism has not."""
    estimators = bank.estimators
    inputs = estimators.scaling.inputs(looks)
    result = np.full((len(estimators.mechanisms), len(PARAMETERS), len(QUANTILES)), np.nan)
    for number, name in enumerate(estimators.mechanisms):
        posterior = estimators.flows[name]
        columns = [PARAMETERS.index(parameter) for parameter in posterior.parameters]
        share = -(-draws // len(looks))
        sample = np.concatenate(posterior.draws(inputs, share, rng))
        limits = of_percentiles(np.median(sample, axis=0), sample, CONFIDENCE)
        result[number, columns] = np.stack([limits.lower, limits.estimate, limits.upper], axis=1)
    return result


def _attributes(bank: Bank) -> dict[str, Any]:
    copied = ("prior", "runs", "left_out", "core_seconds", "seed")
    return {
        **provenance(),
        "title": "which mechanism",
        "named_from": NAMED,
        "bank_sha256": bank.sha256,
        **{f"bank_{name}": bank.dataset.attrs[name] for name in copied},
        "families": "; ".join(
            f"{name}: {MECHANISMS[name].family}" for name in bank.estimators.mechanisms
        ),
    }
