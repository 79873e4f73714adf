"""Integrals behind the kernels of a thresholded layer, for thresholds t >= 0, in numpy and in
torch.

u, v are standard normal with correlation c; theta = arccos c; g and Q are the normal density and
upper tail; r = tan(theta / 2). Small thresholds go through Owen's T, 2 T(t, r) = (1/pi)
int_0^(theta/2) exp(-t^2 / (2 cos^2 p)) dp, reflected at theta = pi/2 so that the integrand never
has a boundary layer; large ones through (1/(2 pi)) int_theta^pi (...) exp(-t^2 / (1 + cos a)) da,
whose integrand is positive, so that nothing cancels where codes are sparse.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
from scipy import special

SWITCH = (
    0.6  # above, the positive integral keeps its digits; below, its integrand has a layer at a = pi
)
FARTHEST = 40.0  # a threshold that no unit reaches: exp(-t^2 / 2) is 0
NODES = 64
CHUNK = 1 << 10  # points by nodes that stay in the cache
ROOT_TWO_PI = np.sqrt(2 * np.pi)

Form = Callable[[ModuleType, Any, Any], Any]


def space(*arrays: Any) -> ModuleType:
    """Return torch if one of the arrays is a tensor, else numpy."""
    torch = sys.modules.get("torch")
    return (
        torch
        if torch is not None and any(isinstance(array, torch.Tensor) for array in arrays)
        else np
    )


def special_of(xp: ModuleType) -> Any:
    """Return the special functions that belong to numpy or torch."""
    return special if xp is np else xp.special


def density(xp: ModuleType, t: Any) -> Any:
    """Return g(t) = exp(-t^2 / 2) / sqrt(2 pi)."""
    return xp.exp(-0.5 * t * t) / ROOT_TWO_PI


def tail(xp: ModuleType, t: Any) -> Any:
    """Return Q(t) = P(u > t)."""
    return 0.5 * special_of(xp).erfc(t / np.sqrt(2.0))


@cache
def legendre(nodes: int = NODES) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and weights of Gauss and Legendre on [0, 1]."""
    place, weight = np.polynomial.legendre.leggauss(nodes)
    return 0.5 * (place + 1.0), 0.5 * weight


def nodes_like(xp: ModuleType, array: Any) -> tuple[Any, Any]:
    """Return the nodes and weights of ``legendre`` beside an array: the same library, the same
    device."""
    if xp is np:
        return legendre()
    place, weight = (
        xp.as_tensor(values, dtype=array.dtype, device=array.device) for values in legendre()
    )
    return place, weight


def _ratio(xp: ModuleType, c: Any) -> Any:
    return xp.sqrt((1.0 - c) / xp.clip(1.0 + c, 1e-200, None))


def _owen(xp: ModuleType, c: Any, t: Any) -> Any:
    """L(c) = Q(t) - 2 T(t, r) where t < SWITCH."""
    theta, near = xp.arccos(c), c >= 0  # (point,)
    reach = t * _ratio(xp, c)
    place, weight = nodes_like(xp, theta)
    end = 0.5 * xp.where(near, theta, np.pi - theta)
    strength = 0.5 * xp.where(near, t, reach) ** 2
    cosine = xp.cos(end[:, None] * place)  # (point, node)
    integral = end / np.pi * (xp.exp(-strength[:, None] / cosine**2) @ weight)
    return xp.where(
        near, tail(xp, t) - integral, integral - tail(xp, reach) * (1.0 - 2.0 * tail(xp, t))
    )


def _positive(xp: ModuleType, c: Any, t: Any, height: bool) -> Any:
    """(1/(2 pi)) int_theta^pi w exp(-t^2 / (1 + cos a)) da where t >= SWITCH, w = cos theta - cos a
    or 1.

    Over b = pi - a, with 1 + cos a = 2 sin^2(b / 2).
    """
    end = np.pi - xp.arccos(c)  # (point,)
    place, weight = nodes_like(xp, end)
    rise, top = 0.5 * t * t, xp.clip(xp.sin(0.5 * end) ** 2, 1e-200, None)
    # exp(-45) of the largest value is left out
    begin = xp.minimum(2.0 * xp.arcsin(xp.sqrt(rise / (rise / top + 45.0))), end)
    width = end - begin
    # (point, node)
    square = xp.clip(xp.sin(0.5 * begin[:, None] + 0.5 * width[:, None] * place) ** 2, 1e-200, None)
    value = xp.exp(-rise[:, None] / square)
    if height:
        value = value * (2.0 * (top[:, None] - square))
    return width / (2 * np.pi) * (value @ weight)


def orthant(xp: ModuleType, c: Any, t: Any) -> Any:
    """L(c) = P(u > t, v > t)."""
    low = t < SWITCH
    safe = xp.where(low, t, 0.0), xp.where(low, SWITCH, t)
    small = _owen(xp, c, safe[0]) if bool(low.any()) else 0.0
    large = _positive(xp, c, safe[1], False) if not bool(low.all()) else 0.0
    return xp.where(low, small, large) + 0.0 * t


def subtractive(xp: ModuleType, c: Any, t: Any) -> Any:
    """E[(u - t)_+ (v - t)_+]."""
    low = t < SWITCH
    small = _closed(xp, c, xp.where(low, t, 0.0)) if bool(low.any()) else 0.0
    large = _positive(xp, c, xp.where(low, SWITCH, t), True) if not bool(low.all()) else 0.0
    return xp.where(low, small, large) + 0.0 * t


def _closed(xp: ModuleType, c: Any, t: Any) -> Any:
    reach = t * _ratio(xp, c)
    return (
        (c + t * t) * _owen(xp, c, t) - 2.0 * t * density(xp, t) * tail(xp, reach) + _rim(xp, c, t)
    )


def _rim(xp: ModuleType, c: Any, t: Any) -> Any:
    """sqrt(1 - c^2) exp(-t^2 / (1 + c)) / (2 pi)."""
    return (
        xp.sqrt((1.0 - c) * (1.0 + c))
        * xp.exp(-t * t / xp.clip(1.0 + c, 1e-200, None))
        / (2 * np.pi)
    )


def kept(xp: ModuleType, c: Any, t: Any) -> Any:
    """E[u v 1(u > t) 1(v > t)]."""
    return (
        c * orthant(xp, c, t) + 2.0 * c * t * density(xp, t) * crossing(xp, c, t) + _rim(xp, c, t)
    )


def crossing(xp: ModuleType, c: Any, t: Any) -> Any:
    """P(v > t | u = t) = Q(t r)."""
    return tail(xp, t * _ratio(xp, c))


def curvature(xp: ModuleType, c: Any, t: Any) -> Any:
    """exp(-t^2 / (1 + c)) / (2 pi sqrt(1 - c^2)), infinite at c = 1 and, without threshold, at c =
    -1."""
    bare = xp.exp(-t * t / xp.clip(1.0 + c, 1e-200, None)) / (2 * np.pi)
    return xp.where(bare > 0, bare / xp.clip(xp.sqrt((1.0 - c) * (1.0 + c)), 1e-200, None), 0.0)


FORMS: dict[str, Form] = {"subtract": subtractive, "keep": kept, "binary": orthant}


def in_chunks(form: Form, xp: ModuleType, c: Any, t: Any) -> Any:
    """Evaluate a form at broadcast c and t, a cache-full of points at a time."""
    c, t = (
        xp.broadcast_to(array, np.broadcast_shapes(tuple(c.shape), tuple(t.shape)))
        for array in (c, t)
    )
    flat = c.reshape(-1), t.reshape(-1)
    points = int(flat[0].shape[0])
    chunks = [
        form(xp, *(array[first : first + CHUNK] for array in flat))
        for first in range(0, max(points, 1), CHUNK)
    ]
    return xp.concatenate(chunks).reshape(c.shape)
