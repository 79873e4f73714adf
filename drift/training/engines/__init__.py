"""How a list of experiments is run: engines differ in speed and hardware, not in what they
compute."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

from drift.training.engines.base import Engine, Precision, Subject
from drift.errors import RefusedInputError

EngineName = Literal["auto", "fused", "batched", "minibatch"]
# Views of a step beyond these sizes leave the cache between one unit and the next in compiled
# loops, where a library of matrix products cuts them into pieces.
LARGE_BATCH = 1 << 19  # numbers, inputs and targets
WIDE_VIEW = 256  # inputs and outputs


def make_engine(
    name: str,
    subjects: Sequence[Subject],
    *,
    precision: Precision,
    device: str,
    threads: int | None,
) -> Engine:
    """Return an engine that holds the subjects before their first step.

    Parameters
    ----------
    name : {"auto", "fused", "batched", "minibatch"}
        "fused" is compiled for CPUs and covers the recipes that
        ``drift.training.engines.fused.knows``; "batched" is a torch program for any ``Network`` and
        device, "minibatch" one for any ``DifferentiableNetwork``; "auto" takes the first that can,
        and "batched" where ``has_large_batches``.
    subjects : sequence of Subject
        Of one shape and kind (``drift.training.engines.base.same_kind``) unless an engine takes all
        shapes, see ``mixes_shapes``.
    precision, device, threads
        See ``drift.train``.

    Raises
    ------
    RefusedInputError
        If the engine, precision, device or number of threads is not to be had.
    """
    if name not in get_args(EngineName) or precision not in get_args(Precision):
        choices = f"{', '.join(get_args(EngineName))} and {', '.join(get_args(Precision))}"
        raise RefusedInputError(
            f"engine {name!r} with precision {precision!r} is unknown: use one of {choices}."
        )
    if threads is not None and threads < 1:
        raise RefusedInputError(
            f"threads must be at least 1, got {threads}: leave it out to use all."
        )
    network = subjects[0].experiment.network
    if name != "auto" and name not in network.engines:
        kind = type(network).__name__
        raise RefusedInputError(f"the {name} engine does not run a {kind}: use engine='auto'.")
    if "minibatch" not in network.engines and precision not in ("float32", "float64"):
        raise RefusedInputError(
            f"precision {precision!r} is for the minibatch engine alone: use 'float32' or "
            "'float64'."
        )
    if precision == "tf32" and device == "cpu":
        raise RefusedInputError(
            "precision 'tf32' needs a CUDA device, got 'cpu': use 'float32' there."
        )
    if "minibatch" in network.engines:
        return _minibatch(subjects, precision, device, threads)
    if name == "batched" or (name == "auto" and has_large_batches(subjects[0])):
        return _batched(subjects, precision, device, threads)
    return _fused(name, subjects, precision, device, threads)


def has_large_batches(subject: Subject) -> bool:
    """Tell whether matrix products of a library are faster than compiled loops for a subject: where
    its views are wide (``WIDE_VIEW``), and those of one step many (``LARGE_BATCH``).

    Parameters
    ----------
    subject : Subject
    """
    width = subject.inputs.shape[1] + subject.targets.shape[1]
    samples = subject.experiment.minibatch or len(subject.inputs)
    return width >= WIDE_VIEW and width * samples >= LARGE_BATCH


def mixes_shapes(name: str, subject: Subject, device: str) -> bool:
    """Tell whether subjects of other shapes may ride along with this one: in the fused and the
    minibatch engine."""
    if "minibatch" in subject.experiment.network.engines:
        return True
    if name == "batched" or device != "cpu" or (name == "auto" and has_large_batches(subject)):
        return False
    from drift.training.engines.fused import knows  # numba is loaded only where it is used

    return knows(subject.experiment)


def _fused(
    name: str, subjects: Sequence[Subject], precision: Precision, device: str, threads: int | None
) -> Engine:
    from drift.training.engines.fused import FusedEngine, unknown_to

    unknown = [reason for subject in subjects if (reason := unknown_to(subject.experiment))]
    if device == "cpu" and not unknown:
        return FusedEngine(subjects, precision, threads)
    if name == "fused":
        kind = type(subjects[0].experiment.learner).__name__
        request = f"device {device!r} with {kind}" if device != "cpu" else unknown[0]
        remedy = f"{'leave it out, or ' if device == 'cpu' else ''}use engine='auto' or 'batched'"
        raise RefusedInputError(
            f"the fused engine runs built-in parts of a recipe on device 'cpu', got {request}: "
            f"{remedy}."
        )
    return _batched(subjects, precision, device, threads)


def _batched(
    subjects: Sequence[Subject], precision: Precision, device: str, threads: int | None
) -> Engine:
    from drift.training.engines.batched import BatchedEngine

    _check_device(device)
    return BatchedEngine(subjects, precision, device, threads)


def _minibatch(
    subjects: Sequence[Subject], precision: Precision, device: str, threads: int | None
) -> Engine:
    from drift.training.engines.minibatch import MinibatchEngine

    _check_device(device)
    return MinibatchEngine(subjects, precision, device, threads)


def _check_device(device: str) -> None:
    import torch

    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise RefusedInputError(
            f"device {device!r} is not to be had ({reason}): use 'cpu' or a device that torch "
            "lists."
        ) from None
