"""Where rectified networks settle: the complementarity problem behind their dynamics, solved by
exchange of active sets.

The resting outputs y of u' = drive - M y, y = max(0, ...) satisfy y >= 0, r = drive - (M +
diag(shift)) y <= 0 and y_i r_i = 0. Given the set of active units this is a linear system; the set
is found by exchanging all units that contradict it (Kostreva 1978; Judice & Pires 1994), one at a
time where that does not help (Murty 1974), which ends for every matrix whose principal minors are
positive. For other matrices, which noise can make, projected sweeps over the units follow the
dynamics downhill to a resting state that is stable.
"""

from __future__ import annotations

import numpy as np

from drift.loops.compiled import compiled

PATIENCE = 10  # exchanges of whole sets without progress
EXCHANGES = 1000
SWEEPS = 20_000
ROUNDING = 1e-13  # of the largest drive, above which a sign counts


@compiled
def _factorised(system, size):
    """Replace the leading block by its triangular factors, without pivoting; False where a pivot is
    not positive."""
    for pivot in range(size):
        head = system[pivot, pivot]
        if not head > 0.0:
            return False
        for row in range(pivot + 1, size):
            factor = system[row, pivot] / head
            system[row, pivot] = factor
            if factor != 0.0:
                for column in range(pivot + 1, size):
                    system[row, column] -= factor * system[pivot, column]
    return True


@compiled
def _substituted(system, size, values):
    """Replace the right-hand side by the solution of the factorised system."""
    for row in range(size):
        total = values[row]
        for column in range(row):
            total -= system[row, column] * values[column]
        values[row] = total
    for row in range(size - 1, -1, -1):
        total = values[row]
        for column in range(row + 1, size):
            total -= system[row, column] * values[column]
        values[row] = total / system[row, row]


@compiled
def _solved_on(active, size, lateral, shift, drive, system, values):
    """Solve the linear system of the active units into ``values``."""
    for row in range(size):
        unit = active[row]
        for column in range(size):
            system[row, column] = lateral[unit, active[column]]
        system[row, row] += shift[unit]
        values[row] = drive[unit]
    if not _factorised(system, size):
        return False
    _substituted(system, size, values)
    return True


@compiled
def _members(outputs, active):
    """List the units whose output is positive; return how many there are."""
    size = 0
    for unit in range(outputs.shape[0]):
        if outputs[unit] > 0.0:
            active[size] = unit
            size += 1
    return size


@compiled
def _contradictions(lateral, drive, outputs, active, size, values, wrong):
    """Mark active units with negative output and silent units that are pushed up; return their
    number and the last of them."""
    tolerance = ROUNDING * np.abs(drive).max()
    outputs[:] = 0.0
    for place in range(size):
        outputs[active[place]] = values[place]
    count, last, place = 0, -1, 0
    for unit in range(outputs.shape[0]):
        if place < size and active[place] == unit:
            place += 1
            wrong[unit] = outputs[unit] < -tolerance
        else:
            push = drive[unit]
            for presynaptic in range(outputs.shape[0]):
                push -= lateral[unit, presynaptic] * outputs[presynaptic]
            wrong[unit] = push > tolerance
        if wrong[unit]:
            count, last = count + 1, unit
    return count, last


@compiled
def _swap(outputs, wrong, only):
    """Move contradicting units, or only one of them, to the other set; the sign of an output tells
    the set."""
    for unit in range(outputs.shape[0]):
        if wrong[unit] and (only < 0 or unit == only):
            outputs[unit] = 0.0 if outputs[unit] != 0.0 else 1.0
        elif outputs[unit] != 0.0:
            outputs[unit] = 1.0


@compiled
def _exchange(lateral, shift, drive, outputs, work):
    """Find the active set, beginning with the units that have an output; True when found, with the
    outputs in place."""
    active, wrong, system, values, _ = work
    fewest, patience = drive.shape[0] + 1, PATIENCE
    for _exchange in range(EXCHANGES):
        size = _members(outputs, active)
        if not _solved_on(active, size, lateral, shift, drive, system, values):
            return False
        count, last = _contradictions(lateral, drive, outputs, active, size, values, wrong)
        if count == 0:
            np.maximum(outputs, 0.0, outputs)
            return True
        if count < fewest:
            fewest, patience = count, PATIENCE
        else:
            patience -= 1
        _swap(outputs, wrong, -1 if patience >= 0 else last)
    return False


@compiled
def _sweeps(lateral, shift, drive, outputs):
    """Set one unit after the other to its resting output until none changes; True when that
    happens."""
    for _sweep in range(SWEEPS):
        change, largest = 0.0, 0.0
        for unit in range(drive.shape[0]):
            push = drive[unit] + lateral[unit, unit] * outputs[unit]
            for presynaptic in range(drive.shape[0]):
                push -= lateral[unit, presynaptic] * outputs[presynaptic]
            resting_output = max(0.0, push / (lateral[unit, unit] + shift[unit]))
            change, largest = (
                max(change, abs(resting_output - outputs[unit])),
                max(largest, resting_output),
            )
            outputs[unit] = resting_output
        if not change > ROUNDING * largest:
            return np.isfinite(largest)
    return False


@compiled
def _interneuron_sweeps(lateral, shift, drive, outputs, units):
    """Set one interneuron after the other, with all outputs at rest under it, until none changes;
    True when that happens.

    A step is never longer than with all outputs active, so that it cannot overshoot.
    """
    push = drive[:units].copy()
    outputs[units:] = 0.0
    for _sweep in range(SWEEPS):
        change, largest = 0.0, 0.0
        for cell in range(units, drive.shape[0]):
            excess, slope = -shift[cell] * outputs[cell], lateral[cell, cell] + shift[cell]
            for unit in range(units):
                excess -= lateral[cell, unit] * max(0.0, push[unit]) / shift[unit]
                slope -= lateral[cell, unit] * lateral[unit, cell] / shift[unit]
            for presynaptic in range(units, drive.shape[0]):
                excess -= lateral[cell, presynaptic] * outputs[presynaptic]
            step = max(0.0, outputs[cell] + excess / max(slope, 1e-12)) - outputs[cell]
            outputs[cell] += step
            for unit in range(units):
                push[unit] -= lateral[unit, cell] * step
            change, largest = max(change, abs(step)), max(largest, outputs[cell])
        if not change > ROUNDING * largest:
            break
    outputs[:units] = np.maximum(0.0, push) / shift[:units]
    return not change > ROUNDING * largest and np.isfinite(largest)


@compiled
def settle(lateral, shift, drive, outputs, work):
    """Bring the outputs of one input to rest, in place; their present values say which units to try
    first.

    Parameters
    ----------
    lateral : array, shape (unit, unit)
        What the output of the second unit takes from the drive of the first.
    shift : array, shape (unit,)
        Added to the diagonal of ``lateral``.
    drive : array, shape (unit,)
        What units receive from outside, less their threshold.
    outputs : array, shape (unit,)
        First guess; afterwards the resting outputs, not negative.
    work : tuple
        From ``workspace``.

    Returns
    -------
    bool
        False if the outputs did not come to rest.
    """
    if _exchange(lateral, shift, drive, outputs, work):
        return True
    outputs[:] = 0.0
    units = shift.shape[0] - work[4]
    settled = (
        _interneuron_sweeps(lateral, shift, drive, outputs, units)
        if work[4]
        else _sweeps(lateral, shift, drive, outputs)
    )
    slow = outputs.copy()
    if _exchange(lateral, shift, drive, outputs, work):
        return True
    outputs[:] = slow
    return settled


def workspace(
    units: int, interneurons: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int]:
    """Return what ``settle`` works in: members of the active set, contradictions, a system, its
    solution; and the interneurons.

    Interneurons come last in every array, and outputs act on each other through them alone.
    """
    size = units + interneurons
    return (
        np.zeros(size, np.int64),
        np.zeros(size, np.bool_),
        np.zeros((size, size)),
        np.zeros(size),
        interneurons,
    )


@compiled
def settle_each(lateral, shift, drives, outputs, work):
    """Bring the outputs (sample, unit) of many drives (sample, unit) to rest; return how many did
    not come to rest."""
    restless = 0
    for sample in range(drives.shape[0]):
        if not settle(lateral, shift, drives[sample], outputs[sample], work):
            restless += 1
    return restless
