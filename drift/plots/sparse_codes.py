"""Pictures of sparse codes: receptive fields side by side, densities over learning, sparsity
against noise.

Each function draws one panel on the axes it is given and returns them; readable in grey and for
the colour-blind.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Places
from drift.errors import RefusedInputError
from drift.metrics.intervals.limits import standard_error
from drift.metrics.sparse_codes.receptive_fields import field_images
from drift.plots.sessions import COLOURS, MARKERS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PER_ROW, MOST = 25, 625
GAP = 1  # white pixels between fields


def _one(array: xr.DataArray, name: str, *dims: str) -> xr.DataArray:
    if set(array.dims) != set(dims):
        raise RefusedInputError(
            f"{name} must have the dims {', '.join(dims)} alone, got {array.dims}: choose one "
            "of the others."
        )
    return array.transpose(*dims)


@opened
def receptive_field_mosaic(
    input_weights: xr.DataArray,
    ax: Axes,
    activity: xr.DataArray | None = None,
    shape: tuple[int, int] | None = None,
) -> Axes:
    """Draw the input weights of units as grey images, the most active first, 25 in a row and 625 at
    most.

    Each is divided by its largest absolute weight: black is -1, middle grey 0, white 1.

    Parameters
    ----------
    input_weights : xarray.DataArray
        (unit, input); inputs are pixels, row by row.
    ax : matplotlib Axes
    activity : xarray.DataArray, optional
        (unit) response to one noisy input; only units above 0 are drawn, in falling order. All in
        their order by default.
    shape : tuple of int, optional
        Height and width of a field (pixels); a square by default.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    RefusedInputError
        If there are other dims, the inputs do not fill the shape, or no unit is active.

    References
    ----------
    Bricken, Schaeffer, Olshausen & Kreiman 2023, ICML, Figs 5 and 8.
    """
    # (unit, row, column)
    images = field_images(_one(input_weights, "input_weights", "unit", "input"), shape).values
    order = np.arange(len(images))
    if activity is not None:
        responses = _one(activity, "activity", "unit").values
        order = np.argsort(-responses, kind="stable")[: int((responses > 0).sum())]
    if not len(order):
        raise RefusedInputError(
            "no unit is active for this input, so that there is nothing to draw: choose "
            "another input."
        )
    drawn = ax.imshow(
        _side_by_side(_scaled(images[order[:MOST]])),
        cmap="gray",
        vmin=-1,
        vmax=1,
        interpolation="antialiased",
    )
    ax.set(xticks=[], yticks=[])
    ax.set_frame_on(False)
    shown = f"{len(order):,} {'active ' * (activity is not None)}units" + (
        f", first {MOST}" if len(order) > MOST else ""
    )
    ax.set_title(shown, fontsize=9)
    ax.figure.colorbar(
        drawn, cax=ax.inset_axes((1.01, 0, 0.012, 1)), label="weight / largest", ticks=[-1, 0, 1]
    )
    return ax


def _scaled(images: np.ndarray) -> np.ndarray:
    largest = np.abs(images).max(axis=(1, 2), keepdims=True)
    return np.divide(images, largest, out=np.zeros(images.shape), where=largest > 0)


def _side_by_side(images: np.ndarray) -> np.ndarray:
    """Return (field, row, column) as one image with 25 fields in a row and white gaps between
    them."""
    fields, height, width = images.shape
    columns = min(PER_ROW, fields)
    rows = math.ceil(fields / columns)
    cells = np.ones((rows * columns, height + GAP, width + GAP))
    cells[:fields, :height, :width] = images
    cells = cells.reshape(rows, columns, height + GAP, width + GAP)
    return cells.transpose(0, 2, 1, 3).reshape(rows * (height + GAP), columns * (width + GAP))[
        :-GAP, :-GAP
    ]


def _edges(centres: np.ndarray) -> np.ndarray:
    """Borders half-way between rising centres, the outer ones as far out as the next is in."""
    if centres.size == 1:
        return centres + np.array([-0.5, 0.5])
    middle = (centres[1:] + centres[:-1]) / 2
    return np.concatenate([[2 * centres[0] - middle[0]], middle, [2 * centres[-1] - middle[-1]]])


@opened
def density_over_sessions(
    values: xr.DataArray, elapsed: xr.DataArray, ax: Axes, bins: Places = 60
) -> Axes:
    """Draw how the values of all units, or of all inputs, are spread in each session, and their
    median as a line.

    Made for the active fraction of each input, the biases, and the key norms. Grey is the share of
    the values in a bin over the largest share in the same session.

    Parameters
    ----------
    values : xarray.DataArray
        (session, unit) or (session, sample) of one subject; NaN is left out. ``long_name`` and
        ``units`` label the axis.
    elapsed : xarray.DataArray
        (session) rising.
    ax : matplotlib Axes
    bins : int
        Bins between the least and the largest value.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    RefusedInputError
        If there are other dims, no finite value, or elapsed does not rise.

    References
    ----------
    Bricken, Schaeffer, Olshausen & Kreiman 2023, ICML, Fig 3.
    """
    over = "sample" if "sample" in values.dims else "unit"
    table, time = (
        _one(values, "values", "session", over).values,
        _one(elapsed, "elapsed", "session").values,
    )
    if not np.isfinite(table).any() or bool((np.diff(time) <= 0).any()):
        raise RefusedInputError(
            "there must be finite values, and elapsed must rise from session to session: "
            "choose one subject."
        )
    edges = np.histogram_bin_edges(table[np.isfinite(table)], bins)
    # (session, bin)
    counts = np.stack([np.histogram(row[np.isfinite(row)], edges)[0] for row in table])
    share = counts / np.maximum(counts.max(axis=1, keepdims=True), 1)
    drawn = ax.pcolormesh(
        _edges(time), edges, share.T, cmap="Greys", vmin=0, vmax=1, rasterized=True
    )
    observed = np.isfinite(table).any(axis=1)
    ax.plot(
        time[observed],
        np.nanmedian(table[observed], axis=1),
        color=COLOURS[1],
        linewidth=1.4,
        label="median",
    )
    label, units = (
        values.attrs.get("long_name", str(values.name or "value").replace("_", " ")),
        values.attrs.get("units", "1"),
    )
    ax.set(
        xlabel=f"learning ({elapsed.attrs.get('units', 'sessions')})",
        ylabel=label if units == "1" else f"{label} ({units})",
    )
    ax.figure.colorbar(
        drawn, ax=ax, label=f"{over}s, share of the largest bin", fraction=0.046, pad=0.03
    )
    return ax


@opened
def sparsity_against_noise(
    fraction: xr.DataArray, std: xr.DataArray, ax: Axes, label: str = "", place: int = 0
) -> Axes:
    """Draw the active fraction against the noise on the inputs: mean over subjects of equal noise,
    bars of one standard error.

    Parameters
    ----------
    fraction : xarray.DataArray
        (subject) active fraction; NaN is left out.
    std : xarray.DataArray
        (subject) standard deviation of the noise on each input.
    ax : matplotlib Axes
    label : str
        What the legend calls the curve.
    place : int
        Number of the curve on these axes: chooses colour and marker.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    RefusedInputError
        If there are other dims, or no subject has both numbers.

    References
    ----------
    Bricken, Schaeffer, Olshausen & Kreiman 2023, ICML, Fig 2.
    """
    fractions, noise = (
        _one(array, name, "subject").values
        for array, name in ((fraction, "fraction"), (std, "std"))
    )
    observed = np.isfinite(fractions) & np.isfinite(noise)
    if not observed.any():
        raise RefusedInputError(
            "no subject has both an active fraction and a noise: pass the last session of "
            "finished runs."
        )
    levels, level = np.unique(noise[observed], return_inverse=True)
    groups = [fractions[observed][level == number] for number in range(levels.size)]
    means = np.array([group.mean() for group in groups])
    errors = np.array([standard_error(group) for group in groups])
    style: dict[str, Any] = {
        "color": COLOURS[place % 4],
        "marker": MARKERS[place % 4],
        "markersize": 4,
        "capsize": 3,
        "linewidth": 1.2,
    }
    ax.errorbar(levels, means, yerr=errors, label=f"{label} ({_counted(groups)})".strip(), **style)
    ax.set(
        xlabel="input noise, standard deviation (input units)",
        ylabel="active fraction of responses",
        ylim=(0, None),
    )
    _noise_scale(ax, levels)
    return ax


def _noise_scale(ax: Axes, levels: np.ndarray) -> None:
    """Spread the noise by its logarithm, with room for 0."""
    if levels[-1] <= 0:
        return
    least = float(levels[levels > 0][0])
    decades = 10.0 ** np.arange(
        math.ceil(math.log10(least)), math.floor(math.log10(levels[-1])) + 1
    )
    ax.set_xscale("symlog", linthresh=least, linscale=0.5)
    ticks = [0.0, *decades] if decades.size else [0.0, least]
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()


def _counted(groups: list[np.ndarray]) -> str:
    """Say what a point and its bar are."""
    sizes = sorted({group.size for group in groups})
    if sizes == [1]:
        return "one subject each"
    return f"mean, 1 s.e. of {sizes[0]}{f'-{sizes[-1]}' if len(sizes) > 1 else ''} subjects"
