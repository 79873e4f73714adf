"""Named sources of chance: one seed, many independent streams.

Every random draw of repdrift comes from ``stream(seed, name)``. The streams of one seed are
statistically independent, and a stream depends on nothing but the seed and its name: another
learner, another noise or a larger crowd moves no other draw.
"""

from __future__ import annotations

import zlib

import numpy as np

from drift.door import opened
from drift.door.quantities import Seed
from drift.errors import RefusedInputError

STREAMS: dict[str, int] = {
    "world": 0,  # the task: textures, paths, random inputs and targets
    "weights": 1,  # the first weights
    "input_noise": 2,
    "label_noise": 3,
    "update_noise": 4,
    "order": 5,  # order of samples or minibatches
    "observation": 6,  # what an experimenter would have recorded
    "perturbation": 7,  # trial steps of stochastic error descent, samples of a learned k
    "shuffle": 8,  # null distributions of significance tests
    "bootstrap": 9,  # samples of units and sessions, for intervals
    "search": 10,  # candidates of a fit
    "own_noise": 11,  # noises without a stream above, each a child by its kind
    "dropout": 12,  # units or weights that take no part in a step
    "excitability": 13,  # slow changes of the units' excitability
}


@opened
def stream(seed: Seed, name: str, child: Seed | None = None) -> np.random.Generator:
    """Return the generator of the stream ``name`` of ``seed``.

    Parameters
    ----------
    seed : int
        Seed of one subject, not negative.
    name : str
        One of the names in ``STREAMS``.
    child : int, optional
        The same as ``stream(seed, name).spawn(child + 1)[child]``, however large the number.

    Returns
    -------
    numpy.random.Generator
        An SFC64 generator whose state can be stored and restored.

    Raises
    ------
    RefusedInputError
        If the name is unknown or the seed is negative.
    """
    if name not in STREAMS:
        raise RefusedInputError(f"stream {name!r} is unknown: use one of {', '.join(STREAMS)}.")
    if seed < 0:
        raise RefusedInputError(f"seed must not be negative, got {seed}: use 0, 1, 2, ...")
    key = (STREAMS[name],) if child is None else (STREAMS[name], child)
    sequence = np.random.SeedSequence(entropy=seed, spawn_key=key)
    return np.random.Generator(np.random.SFC64(sequence))


def child_of(label: str) -> int:
    """Return the number of the child of a stream that belongs to a label, such as that of a
    subject, wherever the label stands in a table.

    Parameters
    ----------
    label : str
    """
    return zlib.crc32(label.encode())
