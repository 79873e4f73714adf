"""Everything that is learned from a bank, in one file beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import xarray as xr

from drift.errors import DamagedFileError, RefusedInputError
from drift.files.atomic import replaced_atomically
from drift.inference.classifier import Classifier, network, trained_classifier
from drift.inference.novelty import Novelty, novelty_of
from drift.inference.posterior import Flow, Posterior, flow_network, trained_posterior
from drift.inference.prior import MECHANISMS
from drift.inference.scaling import Scaling, scaling_of

SUFFIX = ".estimators.pt"
LEAST_RUNS = 5  # of a mechanism, for training
LEAST_WINDOWS = 20  # for calibration: with fewer no recording could be found unlike the bank


class Estimators(NamedTuple):
    """What a bank has taught.

    Attributes
    ----------
    mechanisms : tuple of str
    scaling : Scaling
    classifier : Classifier
    novelty : Novelty
    flows : dict of str to Posterior
        By mechanism; empty where sbi was not installed.
    bank : str
        ``content_sha256`` of the bank.
    """

    mechanisms: tuple[str, ...]
    scaling: Scaling
    classifier: Classifier
    novelty: Novelty
    flows: dict[str, Posterior]
    bank: str

    def probabilities(self, values: np.ndarray) -> np.ndarray:
        """Return p(mechanism | statistics) (window, mechanism) of statistics (window,
        statistic)."""
        return self.classifier.probabilities(self.scaling.inputs(values))


def estimators_path(bank: Path) -> Path:
    """Return where the estimators of a bank are kept."""
    return bank.with_name(bank.stem + SUFFIX)


def rows_of(bank: xr.Dataset, role: str) -> np.ndarray:
    """Return which windows (window,) of a bank have a role: "train", "calibrate" or "test"."""
    return np.asarray(bank["role"].values == role)


def trained(bank: xr.Dataset, *, flows: bool, seed: int = 0) -> Estimators:
    """Return what a bank teaches: classifier, distances and, where it is asked for, posteriors.

    Parameters
    ----------
    bank : xarray.Dataset
        Of ``make_bank``.
    flows : bool
        Train posteriors of parameters, which takes sbi.
    seed : int

    Raises
    ------
    RefusedInputError
        If the bank has too few runs, or sbi is asked for and not installed.
    """
    mechanisms = tuple(name for name in MECHANISMS if name in set(bank["window_mechanism"].values))
    classes = class_numbers(bank, mechanisms)
    learn, calibrate = rows_of(bank, "train"), rows_of(bank, "calibrate")
    _refuse_small(bank, classes, mechanisms)
    values = bank["value"].values.astype(float)
    scaling = scaling_of(values[learn])
    inputs, runs = scaling.inputs(values), bank["run"].values
    classifier = trained_classifier(
        inputs[learn], classes[learn], runs[learn], (inputs[calibrate], classes[calibrate]),
        len(mechanisms), seed,
    )  # fmt: skip
    numbers = scaling.numbers(values)
    posteriors: dict[str, Posterior] = {}
    for number, name in enumerate(mechanisms if flows else ()):
        rows = learn & (classes == number)
        posteriors[name] = trained_posterior(
            inputs[rows], bank["truth"].values[rows], runs[rows], MECHANISMS[name].parameters, seed
        )
    novelty = novelty_of(numbers[learn], numbers[calibrate])
    return Estimators(
        mechanisms, scaling, classifier, novelty, posteriors, str(bank.attrs["content_sha256"])
    )


def class_numbers(bank: xr.Dataset, mechanisms: tuple[str, ...]) -> np.ndarray:
    """Return the number (window,) of the mechanism of each window."""
    return np.array(
        [mechanisms.index(name) for name in bank["window_mechanism"].values], dtype=np.int64
    )


def _refuse_small(bank: xr.Dataset, classes: np.ndarray, mechanisms: tuple[str, ...]) -> None:
    windows = int(rows_of(bank, "calibrate").sum())
    if windows < LEAST_WINDOWS:
        raise RefusedInputError(
            f"a bank needs at least {LEAST_WINDOWS} windows to calibrate, got {windows}: make it "
            "with more runs."
        )
    for role, least in (("train", LEAST_RUNS), ("calibrate", 1)):
        rows = rows_of(bank, role)
        for number, name in enumerate(mechanisms):
            runs = np.unique(bank["run"].values[rows & (classes == number)]).size
            if runs < least:
                raise RefusedInputError(
                    f"a bank needs at least {least} runs of each mechanism to {role}, got {runs} "
                    f"of {name}: make it with more runs."
                )


def save_estimators(estimators: Estimators, path: Path) -> None:
    """Write estimators as plain numbers and tensors, completely or not at all.

    Parameters
    ----------
    estimators : Estimators
    path : Path
    """
    content = {
        "mechanisms": list(estimators.mechanisms),
        "bank": estimators.bank,
        "scaling": _tensors(estimators.scaling),
        "novelty": _tensors(estimators.novelty),
        "temperature": estimators.classifier.temperature,
        "members": [member.state_dict() for member in estimators.classifier.members],
        "flows": {
            name: [_stored(flow) for flow in posterior.flows]
            for name, posterior in estimators.flows.items()
        },
    }
    with replaced_atomically(path) as temporary:
        torch.save(content, temporary)


def load_estimators(path: Path, *, flows: bool) -> Estimators:
    """Read what ``save_estimators`` wrote; nothing in the file is run.

    Parameters
    ----------
    path : Path
    flows : bool
        Read posteriors too, which takes sbi.

    Raises
    ------
    RefusedInputError
        If there is no such file, or it holds no posteriors that are asked for.
    DamagedFileError
        If it cannot be read.
    """
    if not path.is_file():
        raise RefusedInputError(
            f"the estimators of the bank were expected in {path}, got no file: keep both files of "
            "a bank beside each other, or make it again."
        )
    try:
        content = torch.load(path, weights_only=True)
        scaling = Scaling(*_arrays(content["scaling"]))
        novelty = Novelty(*_arrays(content["novelty"]))
        inputs = len(scaling.centre) + int(scaling.missing.sum())
        members = [_member(state, inputs) for state in content["members"]]
    except Exception as error:  # torch raises nearly anything on a damaged file
        reason = " ".join(str(error).split())[:200]
        raise DamagedFileError(
            f"{path} cannot be read as estimators ({type(error).__name__}: {reason}): make the "
            "bank again."
        ) from None
    if flows and not content["flows"]:
        raise RefusedInputError(
            f"{path} was expected to hold posteriors of parameters, got none, as the bank was "
            "made without them or without sbi: make it again with repdrift[posterior], or ask for "
            "mechanisms alone (parameters=False, --no-parameters)."
        )
    return Estimators(
        tuple(content["mechanisms"]),
        scaling,
        Classifier(members, float(content["temperature"])),
        novelty,
        _posteriors(content["flows"], inputs) if flows else {},
        str(content["bank"]),
    )


def _member(state: dict[str, Any], inputs: int) -> Any:
    outputs = len(list(state.values())[-1])
    member = network(inputs, outputs)
    member.load_state_dict(state)
    return member


def _stored(flow: Flow) -> dict[str, Any]:
    return {
        "parameters": list(flow.parameters),
        "numbers": _tensors([flow.centre, flow.spread]),
        "state": flow.estimator.state_dict(),
    }


def _posteriors(stored: dict[str, Any], inputs: int) -> dict[str, Posterior]:
    return {
        name: Posterior(tuple(_flow(own, inputs) for own in flows))
        for name, flows in stored.items()
    }


def _flow(stored: dict[str, Any], inputs: int) -> Flow:
    names = tuple(stored["parameters"])
    estimator = flow_network(len(names), inputs)
    estimator.load_state_dict(stored["state"])
    centre, spread = _arrays(stored["numbers"])
    return Flow(names, centre, spread, estimator)


def _tensors(arrays: Any) -> list[torch.Tensor]:
    return [torch.as_tensor(np.asarray(array)) for array in arrays]


def _arrays(tensors: list[torch.Tensor]) -> list[np.ndarray]:
    return [tensor.numpy() for tensor in tensors]
