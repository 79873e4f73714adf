"""Small matrix products whose sums stay in registers: four rows by twenty-four columns at a time,
twelve vectors.

Columns come in whole vectors. Slices are avoided in these loops: each costs an atomic count of
references, as much as a row of a small product.
"""

from __future__ import annotations

from drift.loops.compiled import compiled, inlined
from drift.loops.vectors import WIDTH, add_product, load, store, zeros

ROWS = 4  # rows of a tile


@compiled
def products(left, start, count, rows, terms, out, place):
    """Write left[start : start + count, :terms] times rows[:terms] (term, column) to out[place :
    place + count].

    Where fewer than four rows are left, the last one is computed again and written to the same
    place.
    """
    columns, last = out.shape[1], count - 1
    column = 0
    while column < columns:
        wide = columns - column >= 3 * WIDTH
        for row in range(0, count, ROWS):
            second, third, fourth = min(row + 1, last), min(row + 2, last), min(row + 3, last)
            if wide:
                _wide_tile(left, start, row, second, third, fourth, rows, terms, out, place, column)
            else:
                _tile(left, start, row, second, third, fourth, rows, terms, out, place, column)
        column += 3 * WIDTH if wide else WIDTH


@inlined
def _wide_tile(left, start, row, second, third, fourth, rows, terms, out, place, column):
    # a, b, c and d: the four rows of the tile; 0, 1 and 2: its three vectors of columns
    a0, a1, a2, b0, b1, b2 = zeros(out), zeros(out), zeros(out), zeros(out), zeros(out), zeros(out)
    c0, c1, c2, d0, d1, d2 = zeros(out), zeros(out), zeros(out), zeros(out), zeros(out), zeros(out)
    for term in range(terms):
        x0, x1, x2 = (
            load(rows, term, column),
            load(rows, term, column + WIDTH),
            load(rows, term, column + 2 * WIDTH),
        )
        a, b, c, d = (
            left[start + row, term],
            left[start + second, term],
            left[start + third, term],
            left[start + fourth, term],
        )
        a0, a1, a2 = add_product(a0, a, x0), add_product(a1, a, x1), add_product(a2, a, x2)
        b0, b1, b2 = add_product(b0, b, x0), add_product(b1, b, x1), add_product(b2, b, x2)
        c0, c1, c2 = add_product(c0, c, x0), add_product(c1, c, x1), add_product(c2, c, x2)
        d0, d1, d2 = add_product(d0, d, x0), add_product(d1, d, x1), add_product(d2, d, x2)
    _store_three(a0, a1, a2, out, place + row, column)
    _store_three(b0, b1, b2, out, place + second, column)
    _store_three(c0, c1, c2, out, place + third, column)
    _store_three(d0, d1, d2, out, place + fourth, column)


@inlined
def _store_three(x0, x1, x2, out, row, column):
    store(x0, out, row, column)
    store(x1, out, row, column + WIDTH)
    store(x2, out, row, column + 2 * WIDTH)


@inlined
def _tile(left, start, row, second, third, fourth, rows, terms, out, place, column):
    sum_row, sum_second, sum_third, sum_fourth = zeros(out), zeros(out), zeros(out), zeros(out)
    for term in range(terms):
        vector = load(rows, term, column)
        sum_row, sum_second = (
            add_product(sum_row, left[start + row, term], vector),
            add_product(sum_second, left[start + second, term], vector),
        )
        sum_third, sum_fourth = (
            add_product(sum_third, left[start + third, term], vector),
            add_product(sum_fourth, left[start + fourth, term], vector),
        )
    store(sum_row, out, place + row, column)
    store(sum_second, out, place + second, column)
    store(sum_third, out, place + third, column)
    store(sum_fourth, out, place + fourth, column)
