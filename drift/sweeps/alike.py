"""Results of tasks read from their files: those that are laid out alike as one Dataset.

A thousand Datasets opened, decoded and joined one by one take a minute; as arrays below each other
under the names of the first they take seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from drift.files.layout import LAYOUT, stored_arrays, stored_layout
from drift.sweeps.tasks import NETCDF

SMALL = 2**14  # bytes of a task's variable that are read at once; more are read when they are used

Arrays = dict[str, np.ndarray]


class Template(NamedTuple):
    """The first file of a layout as it is stored, and which variables are read at once."""

    dataset: xr.Dataset
    small: dict[str, tuple[tuple[int, ...], np.dtype]]
    shared: list[str]  # variables without a subject


class Alike(NamedTuple):
    """Files of one layout that share all that has no subject, and what was read of each."""

    template: xr.Dataset
    numbers: list[int]
    paths: list[Path]
    small: list[Arrays]


def opened_alike(files: Mapping[int, Path]) -> Iterator[tuple[list[int], xr.Dataset]]:
    """Open results of one subject each.

    Parameters
    ----------
    files : mapping of int to Path
        Numbers of tasks, and their files.

    Yields
    ------
    numbers : list of int
        Tasks that are laid out alike.
    dataset : xarray.Dataset
        Of these tasks, dim ``subject``; variables of more than ``SMALL`` bytes a task are read when
        they are used, where Dask is installed.
    """
    templates: dict[str, Template] = {}
    groups: dict[tuple, Alike] = {}
    with NETCDF:
        for number, path in files.items():
            name = stored_layout(path)
            if name is None:
                yield [number], _alone(path)
                continue
            template = templates.get(name)
            if template is None:
                template = templates.setdefault(name, _template(path))
            small = stored_arrays(path, template.small)
            shared = (_content(small[each]) for each in template.shared)
            group = groups.setdefault((name, *shared), Alike(template.dataset, [], [], []))
            group.numbers.append(number)
            group.paths.append(path)
            group.small.append(small)
    for group in groups.values():
        yield group.numbers, _decoded(_stacked(group))


def _alone(path: Path) -> xr.Dataset:
    """A file of another version or program, as xarray reads it."""
    lazily: Mapping[str, Any] = {"chunks": {}} if _has_dask() else {}
    dataset = xr.open_dataset(path, engine="netcdf4", decode_times=False, **lazily)
    dataset.attrs.pop(LAYOUT, None)
    small = {name: coordinate.load() for name, coordinate in dataset.coords.items()}
    return dataset.assign_coords(small)


def _has_dask() -> bool:
    return find_spec("dask") is not None


def _template(path: Path) -> Template:
    with xr.open_dataset(path, engine="netcdf4", decode_cf=False) as stored:
        stored.attrs.pop(LAYOUT, None)
    shared = [str(name) for name, variable in stored.variables.items() if not _of_subject(variable)]
    return Template(stored, _read_at_once(stored), shared)


def _of_subject(variable: xr.Variable) -> bool:
    return "subject" in variable.dims


def _read_at_once(stored: xr.Dataset) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
    return {
        str(name): (variable.shape, variable.dtype)
        for name, variable in stored.variables.items()
        if not (_has_dask() and _is_large(variable))
    }


def _is_large(variable: xr.Variable) -> bool:
    is_number = variable.dtype.kind in "fiu"
    return is_number and _of_subject(variable) and variable.nbytes > SMALL


def _content(values: np.ndarray) -> bytes:
    return repr(values.tolist()).encode() if values.dtype.kind == "O" else values.tobytes()


def _stacked(group: Alike) -> xr.Dataset:
    """The Dataset as it is stored, with the subjects of all files."""
    variables = {
        name: xr.Variable(variable.dims, _values(group, str(name), variable), variable.attrs)
        for name, variable in group.template.variables.items()
    }
    return xr.Dataset(variables, attrs=group.template.attrs)


def _values(group: Alike, name: str, like: xr.Variable) -> object:
    if not _of_subject(like):
        return group.small[0][name]
    axis = like.dims.index("subject")
    if name in group.small[0]:
        return np.concatenate([each[name] for each in group.small], axis=axis)
    return _read_later(group.paths, name, like, axis)


def _read_later(paths: Sequence[Path], name: str, like: xr.Variable, axis: int) -> object:
    import dask
    import dask.array

    read = dask.delayed(partial(_one_array, name=name, shape=like.shape, dtype=like.dtype))
    arrays = [dask.array.from_delayed(read(path), like.shape, like.dtype) for path in paths]
    return dask.array.concatenate(arrays, axis=axis)


def _one_array(path: Path, name: str, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    with NETCDF:
        return stored_arrays(path, {name: (shape, dtype)})[name]


def _decoded(stored: xr.Dataset) -> xr.Dataset:
    """The Dataset that a reader of netCDF sees."""
    dataset = xr.decode_cf(stored, decode_times=False)
    for variable in dataset.variables.values():
        variable.encoding = {}
        if variable.chunks is None:
            variable.load()
    return dataset
