"""What every labelled array must be before it is measured: real numbers, read once, finite, with
labels that stand for one thing each."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from drift.door.wording import Mislabelled, Refusal, shown

CHUNK = 2**20  # numbers that are looked at together
MEASURED = (
    "rate",
    "activity",
    "occupancy",
    "position",
    "elapsed",
    "rate_half",
    "occupancy_half",
)  # what must be finite in a Dataset
NOT_NEGATIVE = ("rate", "occupancy", "rate_half", "occupancy_half")
LARGEST = 1e100  # whose powers a computer holds
REMEDY = "give one number, arrays of one shape, or label both as DataArrays"
LARGEST_READ = 64 * 2**30  # bytes that are read into memory at once


def checked_array(
    array: xr.DataArray, dims: tuple[str, ...] = (), unbounded: bool = False
) -> xr.DataArray:
    """Return the array, in memory, or refuse it."""
    for dim in dims:
        if dim not in array.dims:
            raise Refusal(
                f"a DataArray with the dim {dim!r}",
                shown(array),
                f"rename the dim that holds it, or select what has a {dim}",
            )
    _refuse_empty(array.sizes)
    _refuse_kind(array.dtype, shown(array))
    _refuse_repeated(array)
    array = _read(array)
    if not unbounded:
        _refuse_infinite(array.values)
    return array


def checked_dataset(dataset: xr.Dataset, read: bool = True) -> xr.Dataset:
    """Return the Dataset, in memory unless it stays lazy, or refuse it."""
    _refuse_repeated(dataset)
    if not read:
        return dataset
    dataset = _read(dataset)
    for name in MEASURED:
        if name in dataset.variables:
            _in_dataset(name, dataset[name])
    return dataset


def _in_dataset(name: str, array: xr.DataArray) -> None:
    try:
        _refuse_kind(array.dtype, shown(array))
        _refuse_infinite(array.values, negative=name not in NOT_NEGATIVE)
        _refuse_beyond(array.values)
    except Refusal as refusal:
        raise Mislabelled(refusal.wanted, refusal.got, refusal.remedy, name) from None


def checked_numbers(value: Any, unbounded: bool = False) -> Any:
    """Return an array of numbers, made of a list if need be."""
    if isinstance(value, xr.DataArray):
        return checked_array(value, (), unbounded)
    try:
        array = np.asarray(value)
    except ValueError:  # rows of several lengths
        raise Refusal("an array of numbers", shown(value), "give rows of one length") from None
    except TypeError:  # a list with a Dataset in it, which is no number
        raise Refusal("an array of numbers", shown(value), "give numbers alone") from None
    _refuse_kind(array.dtype, shown(value))
    if not unbounded:
        _refuse_infinite(array)
    return value if isinstance(value, np.ndarray | np.number) else array


def refuse_different_labels(arrays: Mapping[str, xr.DataArray | xr.Dataset]) -> None:
    """Refuse labelled arguments of one call that name different things along the dim they share."""
    names = list(arrays)
    for number, name in enumerate(names):
        for other_name in names[number + 1 :]:
            if isinstance(arrays[name], xr.DataArray) or isinstance(
                arrays[other_name], xr.DataArray
            ):
                _refuse_difference(name, arrays[name], other_name, arrays[other_name])


def refuse_different_shapes(values: Mapping[str, Any]) -> None:
    """Refuse numbers of one call that cannot be broadcast: labelled ones by the names of dims,
    others by shape."""
    shapes = {name: tuple(np.shape(value)) for name, value in values.items() if np.ndim(value)}
    labelled = [name for name in shapes if isinstance(values[name], xr.DataArray)]
    plain = [name for name in shapes if name not in labelled]
    for number, name in enumerate(plain):
        for other_name in labelled + plain[:number]:
            if not _broadcast(shapes[name], shapes[other_name], exactly=other_name in labelled):
                raise Refusal(
                    f"numbers that fit the shape {shapes[other_name]} of {other_name}",
                    f"shape {shapes[name]}",
                    REMEDY,
                    name,
                )


def beside_plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values with labelled single numbers as plain ones where they stand beside plain
    arrays."""
    plain = any(np.ndim(value) and not isinstance(value, xr.DataArray) for value in values.values())
    return {
        name: value.item()
        if plain and isinstance(value, xr.DataArray) and not value.ndim
        else value
        for name, value in values.items()
    }


def _broadcast(one: tuple[int, ...], other: tuple[int, ...], exactly: bool) -> bool:
    if exactly:
        return one == other
    return all(
        size == beside or 1 in (size, beside) for size, beside in zip(one[::-1], other[::-1])
    )


def refuse_different_lengths(values: Mapping[str, tuple[Any, tuple[str, ...]]]) -> None:
    """Refuse plain arrays of one call whose axes of one name are not equally long."""
    lengths: dict[str, tuple[int, str]] = {}
    for name, (value, axes) in values.items():
        for axis, length in zip(axes[::-1], np.shape(value)[::-1]):
            if axis == "...":
                break
            first_length, first_name = lengths.setdefault(axis, (length, name))
            if length != first_length:
                of = "" if first_name == name else f" of {first_name}"
                raise Refusal(
                    f"an array with one {axis} for each of the {first_length}{of}",
                    str(length),
                    "select the same ones",
                    name,
                )


def _refuse_difference(name: str, one: Any, other_name: str, other: Any) -> None:
    for dim in one.sizes.keys() & other.sizes.keys():
        if one.sizes[dim] != other.sizes[dim]:
            got = f"{other.sizes[dim]} entries for {one.sizes[dim]}"
            raise Refusal(
                f"an array with one entry per {dim} of {name}",
                got,
                "select the same ones in both",
                other_name,
            )
        if (
            dim in one.indexes
            and dim in other.indexes
            and not one.indexes[dim].equals(other.indexes[dim])
        ):
            place = int(np.argmax(one.indexes[dim] != other.indexes[dim]))
            got = (
                f"{one.indexes[dim][place]} in {name} and {other.indexes[dim][place]} in "
                f"{other_name} at place {place}"
            )
            remedy = "select the same ones in the same order, as with reindex_like"
            raise Refusal(f"labelled along {dim} as {other_name} is", got, remedy, name)


def _read(data: Any) -> Any:
    """Return what is held in memory; what waits on disk or in a dask graph is computed once."""
    if data.__dask_graph__() is None:
        return data
    if data.nbytes > LARGEST_READ:
        size = f"{data.nbytes / 2**30:.0f} GiB"
        raise Refusal(
            f"at most {LARGEST_READ // 2**30} GiB when read",
            size,
            "select variables, subjects or sessions first",
        )
    return data.compute()


def _refuse_empty(sizes: Mapping[Hashable, int]) -> None:
    for dim, size in sizes.items():
        if size == 0:
            raise Refusal("an array that is not empty", f"no {dim}", f"select what has a {dim}")


def _refuse_kind(dtype: np.dtype, got: str) -> None:
    if dtype.kind not in "biuf":
        raise Refusal(
            "an array of real numbers",
            f"{got} of dtype {dtype}" if "dtype" not in got else got,
            "convert it with astype(float)",
        )


def _refuse_repeated(data: xr.DataArray | xr.Dataset) -> None:
    for dim, index in data.indexes.items():
        if (
            dim in data.dims
            and not (index.is_monotonic_increasing and index.is_unique)
            and not index.is_unique
        ):
            # places never visited have no label
            repeated = index[index.duplicated() & index.notna()]
            if not len(repeated):
                continue
            label = repeated[0]
            raise _of(data)(
                f"labelled once for each {dim}",
                f"the {dim} {label} twice",
                f"drop one with drop_duplicates({dim!r})",
            )


def _of(data: Any) -> type[Refusal]:
    return Mislabelled if isinstance(data, xr.Dataset) else Refusal


def _refuse_beyond(values: np.ndarray) -> None:
    """Refuse numbers whose squares no number holds."""
    largest = float(np.nanmax(values, initial=0.0)) if values.dtype.kind == "f" else 0.0
    if largest > LARGEST:
        raise Refusal(
            f"of at most {LARGEST:g}", f"{largest:g}", "choose units in which numbers are smaller"
        )


def _refuse_infinite(values: np.ndarray, negative: bool = True) -> None:
    if values.dtype.kind != "f" and negative:
        return
    flat = values.reshape(-1)
    for start in range(0, flat.size, CHUNK):
        chunk = flat[start : start + CHUNK]
        if values.dtype.kind == "f" and np.isinf(chunk).any():
            raise Refusal(
                "finite, or NaN where nothing was observed",
                "infinite values",
                "find where they come from, or set them to NaN",
            )
        if not negative and (chunk < 0).any():
            raise Refusal(
                "0 or more", f"{np.nanmin(chunk)}", "give rates and times, not differences of them"
            )
