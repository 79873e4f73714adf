"""What can be told by who knows what to look for: classifiers judged on runs that they have not
learned from."""

from __future__ import annotations

import numpy as np
import xarray as xr

from drift.inference.classifier import trained_classifier
from drift.inference.estimators import class_numbers
from drift.inference.scaling import scaling_of
from drift.inference.verdict import UNLIKE

FOLDS = 5


def cross_validated(bank: xr.Dataset, mechanisms: tuple[str, ...], seed: int = 0) -> np.ndarray:
    """Return p(mechanism | statistics) (window, mechanism) of every window of a bank, by a
    classifier that learned from three fifths of the runs and was calibrated on another fifth.

    Parameters
    ----------
    bank : xarray.Dataset
        Of ``make_bank``.
    mechanisms : tuple of str
        Of the bank, in the order of the columns.
    seed : int
    """
    classes = class_numbers(bank, mechanisms)
    values, runs = bank["value"].values.astype(float), bank["run"].values
    return _of_other_runs(values, classes, runs, runs // len(mechanisms) % FOLDS, seed)


def _of_other_runs(
    values: np.ndarray, classes: np.ndarray, runs: np.ndarray, folds: np.ndarray, seed: int
) -> np.ndarray:
    outputs = int(classes.max()) + 1
    probabilities = np.empty((len(classes), outputs))
    for fold in range(FOLDS):
        judged, calibrate = folds == fold, folds == (fold + 1) % FOLDS
        learn = ~judged & ~calibrate
        scaling = scaling_of(values[learn])
        inputs = scaling.inputs(values)
        classifier = trained_classifier(
            inputs[learn], classes[learn], runs[learn], (inputs[calibrate], classes[calibrate]),
            outputs, seed + fold,
        )  # fmt: skip
        probabilities[judged] = classifier.probabilities(inputs[judged])
    return probabilities


def attainable_power(
    values: np.ndarray, runs: np.ndarray, others: np.ndarray, other_runs: np.ndarray, seed: int = 0
) -> float:
    """Return the power, at a level of .05, of a test that was told what to look for: by the ratio
    of densities that a classifier has learned (Neyman & Pearson 1933), on runs that it has not.

    The best of such tests has at least this power; one for anything that is new has less than it.

    Parameters
    ----------
    values, others : numpy.ndarray
        (window, statistic) of a bank, and of what is to be noticed.
    runs, other_runs : numpy.ndarray
        (window,) their runs.
    seed : int
    """
    classes = np.repeat([0, 1], [len(values), len(others)])
    folds = np.concatenate([np.unique(own, return_inverse=True)[1] % FOLDS
                            for own in (runs, other_runs)])  # fmt: skip
    apart = np.concatenate([runs, other_runs + runs.max() + 1])
    chance = _of_other_runs(np.concatenate([values, others]), classes, apart, folds, seed)[:, 1]
    return power_of(chance, classes == 1)


def power_of(scores: np.ndarray, new: np.ndarray) -> float:
    """Return the share of new windows (window,) whose score is above that of all but 5 % of the
    others."""
    return float((scores[new] > np.quantile(scores[~new], 1 - UNLIKE)).mean())


def attainable_power_left_out(probabilities: np.ndarray, classes: np.ndarray, number: int) -> float:
    """Return the same for one mechanism against all others: the ratio of densities is p / (1 - p)
    of a classifier that knows it.

    Parameters
    ----------
    probabilities : numpy.ndarray
        (window, mechanism) of windows that were not learned from.
    classes : numpy.ndarray
        (window,).
    number : int
        Of the mechanism.
    """
    return power_of(probabilities[:, number], classes == number)
