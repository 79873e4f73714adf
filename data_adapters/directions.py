"""Running directions however they were coded: 1 towards larger positions, -1 back, 0 neither; never
dropped."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drift.schema.labelled_form import RefusedInputError

CODES = (-1, 0, 1)
NEITHER = ("", "none", "neither", "rest", "nan")
# way back over way out: where 0 means neither; at least, where two codes are the two ways
STILL, ALIKE = 0.1, 0.5
REMEDY = (
    "code 1 towards larger positions, -1 back and 0 neither, or leave it out where there is one "
    "way only"
)


def coded_directions(
    values: ArrayLike, position: NDArray[np.float64], where: str
) -> tuple[NDArray[np.int64], str]:
    """Directions as 1, -1 and 0, and how they were coded.

    Codes other than -1, 0, 1 (0 and 1, 1 and 2, True and False, two texts), and 0 and 1 without any
    -1, are told by the position: the way that the animal goes while a code holds, steps over more
    than half of the track (jumps back to its start) left out.

    Parameters
    ----------
    values : array_like (sample,)
        Whole numbers, booleans or texts.
    position : numpy.ndarray
        (sample[, axis]) as tracked.
    where : str
        Of which session, for messages.

    Returns
    -------
    direction : numpy.ndarray of int
        (sample,)
    note : str
        Empty where nothing was translated.

    Raises
    ------
    RefusedInputError
        If the position does not tell what the codes mean.
    """
    raw = np.asarray(values)
    if raw.shape != (len(position),):
        raise RefusedInputError(
            f"direction of {where} was expected with one row per sample ({len(position)}), "
            f"got shape {raw.shape}: cut both alike."
        )
    codes = _plain(raw, where)
    distinct = list(dict.fromkeys(codes.tolist()))
    told = [code for code in distinct if code != 0]
    if (
        raw.dtype.kind != "b"
        and set(distinct) <= set(CODES)
        and (-1 in distinct or distinct in ([0], [1]))
    ):
        return codes.astype(np.int64), ""
    pair = told if len(told) == 2 else distinct
    if len(pair) != 2 or position.ndim == 2:
        raise RefusedInputError(
            f"direction of {where} was expected in -1, 0, 1, got {_listed(distinct)}: {REMEDY}."
        )
    ways = [_way(codes == code, position) for code in pair]
    if (
        0 in pair
        and raw.dtype.kind != "b"
        and abs(ways[pair.index(0)]) <= STILL * max(map(abs, ways))
    ):
        return codes.astype(np.int64), ""
    out, back = max(ways), -min(ways)
    if min(out, back) <= 0 or min(out, back) < ALIKE * max(out, back):
        raise RefusedInputError(
            f"direction of {where} was expected in -1, 0, 1, got {_listed(distinct)}, and the "
            f"animal goes {ways[0]:.3g} and {ways[1]:.3g} in "
            f"all while they hold, which does not tell what they mean: {REMEDY}."
        )
    outward, inward = pair[int(np.argmax(ways))], pair[int(np.argmin(ways))]
    note = (
        f"direction {outward} was taken for 1 (towards larger positions), {inward} for -1, as the "
        "position goes"
    )
    return np.where(codes == outward, 1, np.where(codes == inward, -1, 0)), note


def _plain(raw: NDArray[Any], where: str) -> NDArray[Any]:
    """Numbers as int64, texts as objects; text of a number is that number, and what means neither
    is 0."""
    if raw.dtype.kind == "b":
        return raw.astype(np.int64)
    if raw.dtype.kind in "UO":
        texts = [str(value).strip() for value in raw.tolist()]
        texts = ["0" if text.casefold() in NEITHER else text for text in texts]
        try:
            raw = np.array([float(text) for text in texts])
        except ValueError:
            return np.array([0 if text == "0" else text for text in texts], dtype=object)
    if raw.dtype.kind not in "iuf":
        raise RefusedInputError(
            f"direction of {where} was expected to hold numbers or texts, got {raw.dtype}: "
            f"{REMEDY}."
        )
    bad = ~np.isfinite(raw) | (raw != np.floor(raw))
    if bad.any():
        sample = int(np.flatnonzero(bad)[0])
        raise RefusedInputError(
            f"direction of {where} was expected to hold whole numbers, got {raw[sample]:g} at "
            f"sample {sample}: {REMEDY}."
        )
    return raw.astype(np.int64)


def _way(held: NDArray[np.bool_], position: NDArray[np.float64]) -> float:
    """Sum of the steps that end while a code holds."""
    steps = np.diff(position, prepend=np.nan)
    jumps = np.abs(steps) > (np.nanmax(position) - np.nanmin(position)) / 2
    return float(np.nansum(steps[held & ~jumps]))


def _listed(codes: list[Any]) -> str:
    return ", ".join(map(str, codes[:6])) + (" and others" if len(codes) > 6 else "")
