"""What the statistics of a fit are made of, counted and summed in compiled passes: a fit asks for
them hundreds of times, of maps with few cells, for which numpy takes longer to begin than to
add."""

from __future__ import annotations

from functools import cache

import numpy as np

from drift.loops.compiled import exact

TOGETHER = 64  # units whose maps are multiplied at once: they stay in the cache
TRUNCATE = 4.0  # standard deviations at which a Gaussian ends, as in scipy.ndimage


@cache
def gaussian_weights(width: float) -> np.ndarray:
    """Return the weights of ``scipy.ndimage.gaussian_filter1d``, from the middle outwards.

    Parameters
    ----------
    width : float
        Standard deviation in cells.
    """
    reach = np.arange(-int(TRUNCATE * width + 0.5), int(TRUNCATE * width + 0.5) + 1)
    weights = np.exp(-0.5 / (width * width) * reach**2)
    middle = reach.size // 2
    return (weights / weights.sum())[middle:].copy()


@exact
def weighted(maps, occupancy):
    """Return rates times time where places were visited and units observed, 0 elsewhere, and
    whether a unit was observed.

    Parameters
    ----------
    maps : float64 (session, unit, cell), NaN where not observed
    occupancy : float64 (session, cell)

    Returns
    -------
    events : float64 (session, unit, cell)
    observed : bool (session, unit)
    """
    events, observed = np.empty(maps.shape), np.empty(maps.shape[:2], np.bool_)
    for session in range(maps.shape[0]):
        for unit in range(maps.shape[1]):
            finite_cells = 0
            for cell in range(maps.shape[2]):
                value, time = maps[session, unit, cell], occupancy[session, cell]
                finite = np.isfinite(value)
                finite_cells += finite
                events[session, unit, cell] = value * time if finite & (time > 0) else 0.0
            observed[session, unit] = finite_cells > 0
    return events, observed


@exact
def vectors(maps, occupancy, units):
    """Return rates of some units cell by cell, 0 where not observed.

    Parameters
    ----------
    maps : float64 (map, unit, cell), NaN where not observed
    occupancy : float64 (map, cell)
    units : int (chosen,)

    Returns
    -------
    float64 (cell, map, chosen)
    """
    rates = np.empty((maps.shape[2], maps.shape[0], units.size))
    for number in range(maps.shape[0]):
        for place in range(units.size):
            for cell in range(maps.shape[2]):
                value = maps[number, units[place], cell]
                visited = (occupancy[number, cell] > 0) & np.isfinite(value)
                rates[cell, number, place] = value if visited else 0.0
    return rates


@exact
def unit_numbers(rate, probability, enough, weights, starts, ring, level):
    """Return numbers of each unit in each session, in passes over its map.

    Parameters
    ----------
    rate : float64 (cell, session, unit), 0 where not visited
    probability : float64 (session, cell), share of the time
    enough : bool (session, unit), whether information and fields count
    weights : float64 (offset,), Gaussian from its middle outwards
    starts : int (way + 1,), where the cells of each way begin, and where the last one ends
    ring : bool, whether the last cell of a way is beside its first
    level : float, of the largest smoothed rate, above which a cell is inside of a field

    Returns
    -------
    float64 (5, session, unit)
        Cells with events, mean rate, bits/event, number of fields, share of cells in fields; the
        last three NaN where there are not enough events.
    """
    cells, sessions, units = rate.shape
    numbers = np.full((5, sessions, units), np.nan)
    row, smooth, inside = np.empty(cells), np.empty(cells), np.empty(cells, np.bool_)
    wide = np.empty(cells + 2 * weights.size)
    for session in range(sessions):
        for unit in range(units):
            responding, mean = 0, 0.0
            for cell in range(cells):
                row[cell] = rate[cell, session, unit]
                responding += row[cell] > 0
                mean += probability[session, cell] * row[cell]
            numbers[0, session, unit], numbers[1, session, unit] = responding, mean
            if not enough[session, unit]:
                continue
            bits = 0.0
            for cell in range(cells):
                ratio = row[cell] / mean
                if ratio > 0.0:
                    bits += probability[session, cell] * ratio * np.log2(ratio)
            numbers[2, session, unit] = bits
            for way in range(starts.size - 1):
                _smooth(row, starts[way], starts[way + 1], weights, ring, wide, smooth)
            fields, share = _fields(smooth, inside, starts, ring, level)
            numbers[3, session, unit], numbers[4, session, unit] = fields, share
    return numbers


@exact
def _smooth(row, first, end, weights, ring, wide, smooth):
    """Write a smoothed map from the first to before the end; beyond the end of a track lies its
    last cell again. Sums in the order of ``scipy.ndimage``."""
    length, reach = end - first, weights.size - 1
    for cell in range(length + 2 * reach):
        place = cell - reach
        if place < 0 or place >= length:
            place = place % length if ring else min(max(place, 0), length - 1)
        wide[cell] = row[first + place]
    # unsigned indices are none from the end, so that cells are summed side by side
    begin, middle, cells = np.uintp(first), np.uintp(reach), np.uintp(length)
    for cell in range(cells):
        smooth[begin + cell] = wide[middle + cell] * weights[0]
    for offset in range(middle, np.uintp(0), -1):
        before, after, weight = middle - offset, middle + offset, weights[offset]
        for cell in range(cells):
            smooth[begin + cell] += (wide[before + cell] + wide[after + cell]) * weight


@exact
def _fields(smooth, inside, starts, ring, level):
    """Return the number of fields and the share of cells in them."""
    largest, count, fields = smooth.max(), 0, 0
    for cell in range(smooth.size):
        inside[cell] = smooth[cell] > level * largest
        count += inside[cell]
    for way in range(starts.size - 1):
        fields += runs(inside, starts[way], starts[way + 1], ring)
    return fields, count / smooth.size


@exact
def runs(inside, first, end, ring):
    """Return the number of maximal runs of cells that are inside, from the first to before the end;
    around a ring the last cell is next to the first."""
    count, whole = 0, True
    before = ring and inside[end - 1]
    for cell in range(first, end):
        count += inside[cell] and not before
        before = inside[cell]
        whole = whole and before
    return max(count, 1) if whole else count


@exact
def map_similarity(rate, occupancy, enough):
    """Return Pearson correlations of rate maps, (unit, session, session).

    Parameters
    ----------
    rate : float64 (cell, map, unit), 0 where not visited; one or two maps of each session
    occupancy : float64 (map, cell)
    enough : bool (session, unit), whether a map has enough events

    Returns
    -------
    float64 (unit, session, session)
        NaN where a map has too few events or is flat. Of two maps of each session the mean over one
        of either session, and on the diagonal the correlation of both.
    """
    cells, maps, units = rate.shape
    sessions = enough.shape[0]
    repeats, similar = maps // sessions, np.empty((units, sessions, sessions))
    # innermost are units, whose sums run side by side
    scaled, products = np.empty((maps, cells, TOGETHER)), np.empty((maps, maps, TOGETHER))
    for first in range(0, units, TOGETHER):
        few = min(TOGETHER, units - first)
        for number in range(maps):
            _scale(rate, occupancy, enough, number, number // repeats, first, few, scaled)
            for second in range(number + 1):
                _multiply(scaled, number, second, few, products)
        for session in range(sessions):
            for second in range(sessions):
                for unit in range(few):
                    similar[first + unit, session, second] = _of_sessions(
                        products, unit, session, second, repeats
                    )
    return similar


@exact
def _scale(rate, occupancy, enough, number, session, first, few, scaled):
    """Write maps less their mean over visited cells, over their norm, NaN where there is none."""
    visited, begin, block = 0, np.uintp(first), np.uintp(few)
    mean, power = np.zeros(TOGETHER), np.zeros(TOGETHER)
    for cell in range(rate.shape[0]):
        visited += occupancy[number, cell] > 0
        for unit in range(block):
            mean[unit] += rate[cell, number, begin + unit]
    for unit in range(block):
        mean[unit] /= max(visited, 1)
    for cell in range(rate.shape[0]):
        inside = 1.0 if occupancy[number, cell] > 0 else 0.0
        for unit in range(block):
            value = (rate[cell, number, begin + unit] - mean[unit]) * inside
            scaled[number, cell, unit] = value
            power[unit] += value * value
    for unit in range(block):
        scalable = enough[session, begin + unit] and power[unit] > 0
        mean[unit] = 1.0 / np.sqrt(power[unit]) if scalable else np.nan
    for cell in range(rate.shape[0]):
        for unit in range(block):
            scaled[number, cell, unit] *= mean[unit]


@exact
def _multiply(scaled, number, second, few, products):
    """Write the correlations of two maps of each unit."""
    for unit in range(few):
        products[number, second, unit] = 0.0
    for cell in range(scaled.shape[1]):
        for unit in range(few):
            product = scaled[number, cell, unit] * scaled[second, cell, unit]
            products[number, second, unit] += product
    for unit in range(few):
        products[second, number, unit] = products[number, second, unit]


@exact
def _of_sessions(products, unit, session, second, repeats):
    """Return the similarity of two sessions from that of their maps."""
    if session == second and repeats == 2:
        return products[2 * session, 2 * session + 1, unit]
    total, count = 0.0, 0
    for number in range(repeats * session, repeats * (session + 1)):
        for beside in range(repeats * second, repeats * (second + 1)):
            if np.isfinite(products[number, beside, unit]):
                total += products[number, beside, unit]
                count += 1
    return total / count if count else np.nan


@exact
def class_means(similar, pair_class, classes):
    """Return the means (class,) of similarities (row, session, session) over the pairs of each
    class, NaN where none is finite.

    Parameters
    ----------
    similar : float64 (row, session, session)
    pair_class : int (session, session), -1 for pairs of no class
    classes : int, how many
    """
    total, count = np.zeros(classes), np.zeros(classes, np.int64)
    for row in range(similar.shape[0]):
        for session in range(similar.shape[1]):
            for second in range(similar.shape[2]):
                value, number = similar[row, session, second], pair_class[session, second]
                if number >= 0 and np.isfinite(value):
                    total[number] += value
                    count[number] += 1
    for number in range(classes):
        total[number] = total[number] / count[number] if count[number] else np.nan
    return total
