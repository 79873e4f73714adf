"""What a hidden unit makes of its drive."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np

Activation = Literal["relu", "linear", "sigmoid"]
ACTIVATIONS = get_args(Activation)


def activated(drive: Any, activation: Activation) -> np.ndarray:
    """Return the response to a drive of any shape: its positive part, the drive itself, or
    1 / (1 + exp(-drive))."""
    if activation == "relu":
        return np.maximum(drive, 0.0)
    if activation == "linear":
        return np.asarray(drive)
    return 0.5 * (1.0 + np.tanh(0.5 * np.asarray(drive)))
