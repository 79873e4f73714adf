"""Small matrix products whose sums stay in registers; the samples, padded to whole tiles, lie along the innermost axis."""

from __future__ import annotations

from numba import njit

from drift.engines.normals import COMPILED
from drift.engines.vectors import WIDTH, add_product, load, store, sums, total, zeros

ROWS = 4  # rows of a tile
TILE = 16  # samples of a tile, two vectors; the number of samples is a multiple


# Slices are avoided in these loops: each costs an atomic count of references, as much as a row of a small product.


@njit(**COMPILED)
def products(weights, start, count, rows, terms, out, place):  # type: ignore[no-untyped-def]
    """Write weights[start : start + count, :terms] times rows[:terms] (term, sample) to out[place : place + count]."""
    for t in range(0, out.shape[1], TILE):
        row, to, stop = start, place, start + count
        while row + ROWS <= stop:
            a0, a1, b0, b1, c0, c1, d0, d1 = zeros(out), zeros(out), zeros(out), zeros(out), zeros(out), zeros(out), zeros(out), zeros(out)
            for k in range(terms):
                x0, x1 = load(rows, k, t), load(rows, k, t + WIDTH)
                a0, a1 = add_product(a0, weights[row, k], x0), add_product(a1, weights[row, k], x1)
                b0, b1 = add_product(b0, weights[row + 1, k], x0), add_product(b1, weights[row + 1, k], x1)
                c0, c1 = add_product(c0, weights[row + 2, k], x0), add_product(c1, weights[row + 2, k], x1)
                d0, d1 = add_product(d0, weights[row + 3, k], x0), add_product(d1, weights[row + 3, k], x1)
            store(a0, out, to, t)
            store(a1, out, to, t + WIDTH)
            store(b0, out, to + 1, t)
            store(b1, out, to + 1, t + WIDTH)
            store(c0, out, to + 2, t)
            store(c1, out, to + 2, t + WIDTH)
            store(d0, out, to + 3, t)
            store(d1, out, to + 3, t + WIDTH)
            row, to = row + ROWS, to + ROWS
        while row < stop:
            a0, a1 = zeros(out), zeros(out)
            for k in range(terms):
                a0, a1 = add_product(a0, weights[row, k], load(rows, k, t)), add_product(a1, weights[row, k], load(rows, k, t + WIDTH))
            store(a0, out, to, t)
            store(a1, out, to, t + WIDTH)
            row, to = row + 1, to + 1


@njit(**COMPILED)
def scalar_products(left, i, rows, out, j, first):  # type: ignore[no-untyped-def]
    """Write the products of left[i] (sample,) with all rows (k, sample) to out[j, first : first + k]."""
    k, samples = 0, rows.shape[1]
    while k + 8 <= rows.shape[0]:
        a, b, c, d, e, f, g, h = zeros(out), zeros(out), zeros(out), zeros(out), zeros(out), zeros(out), zeros(out), zeros(out)
        for t in range(0, samples, WIDTH):
            x = load(left, i, t)
            a, b = add_product(a, x, load(rows, k, t)), add_product(b, x, load(rows, k + 1, t))
            c, d = add_product(c, x, load(rows, k + 2, t)), add_product(d, x, load(rows, k + 3, t))
            e, f = add_product(e, x, load(rows, k + 4, t)), add_product(f, x, load(rows, k + 5, t))
            g, h = add_product(g, x, load(rows, k + 6, t)), add_product(h, x, load(rows, k + 7, t))
        store(sums(a, b, c, d, e, f, g, h), out, j, first + k)
        k += 8
    last = rows.shape[0] - 1
    while k <= last:  # the rest by fours, repeating the last row where there is no other
        second, third, fourth = min(k + 1, last), min(k + 2, last), min(k + 3, last)
        a, b, c, d = zeros(out), zeros(out), zeros(out), zeros(out)
        for t in range(0, samples, WIDTH):
            x = load(left, i, t)
            a, b = add_product(a, x, load(rows, k, t)), add_product(b, x, load(rows, second, t))
            c, d = add_product(c, x, load(rows, third, t)), add_product(d, x, load(rows, fourth, t))
        out[j, first + fourth] = total(d)
        out[j, first + third] = total(c)
        out[j, first + second] = total(b)
        out[j, first + k] = total(a)
        k += 4
