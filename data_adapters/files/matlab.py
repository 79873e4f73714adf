"""MATLAB files of both kinds (v5, and v7.3 which is HDF5) as the same plain Python values.

A cell array becomes an object array of its shape, a struct a dict, text a str, numbers a
two-dimensional array; nothing is squeezed, so that the nesting of cells is what it was in MATLAB.
(Readers that squeeze turn a cell array of one into its content.)
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from scipy.io.matlab import matfile_version

from data_adapters.files.limits import refuse_absurd
from data_adapters.files.matlab_elements import DEEPEST, unreadable
from data_adapters.files.matlab_variables import variables
from data_adapters.files.regular import regular
from data_adapters.files.wording import listed
from data_adapters.options import nearest, one_line
from drift.files.own_content import check_own_content
from drift.schema.labelled_form import RefusedInputError


class Unreadable(NamedTuple):
    """In the place of a variable that cannot be read, which spoils no other one."""

    reason: str


def read(path: str | Path, *names: str, optional: Sequence[str] = ()) -> dict[str, Any]:
    """Variables of a MATLAB file by name.

    Parameters
    ----------
    path : str or pathlib.Path
        A ``.mat`` file, v5 to v7.3.
    *names : str
        Variables that are needed; all variables if none is named, here or as optional.
    optional : sequence of str
        Variables that are read where the file has them.

    Returns
    -------
    dict
        Cell arrays as object arrays, structs as dicts, text as str, numbers as arrays (2-D), sparse
        matrices filled; ``Unreadable`` in the place of a variable that was not named and cannot be
        read (tables, strings, functions).

    Raises
    ------
    RefusedInputError
        If the file is missing, damaged, not a MATLAB file, lacks a variable or holds one twice.
    """
    path = Path(path)
    if not path.exists() or path.is_dir():
        raise RefusedInputError(
            f"a MATLAB file was expected at {path}, got no file: add it or check the folder."
        )
    regular(path)
    load = _load_hdf5 if h5py.is_hdf5(path) else _load_v5
    if load is _load_v5 and not _is_v5(path):
        raise RefusedInputError(
            f"{path} was expected to be a MATLAB file (v5 or v7.3), got something else: save "
            "it from MATLAB again."
        )
    with _told_of(path):
        content = load(path, (*names, *optional))
    require(content, path, *names, *(name for name in optional if name in content))
    return content


def require(content: dict[str, Any], path: Path, *names: str) -> None:
    """Refuse what was read of a file if it lacks a variable, or holds one that cannot be read.

    Parameters
    ----------
    content : dict
        As ``read`` gives it.
    path : pathlib.Path
        Of the file.
    *names : str
        Variables that are needed.

    Raises
    ------
    RefusedInputError
        Naming the first of them.
    """
    for name in names:
        if isinstance(content.get(name), Unreadable):
            raise RefusedInputError(
                f"{name} in {path} was expected to hold plain values, but {content[name].reason}."
            )
        if name not in content:
            available = variable_names(path)
            remedy = nearest(name, available) if available else "the file is empty"
            raise RefusedInputError(
                f"{path} was expected to hold the variable {name!r}, got "
                f"{listed(available) or 'none'}: {remedy}."
            )


def cell(value: Any, *indices: int) -> Any:
    """Content of nested cell arrays, counted from 0; None where the cell, or one around it, is
    missing or empty.

    Parameters
    ----------
    value : object
        A cell array as ``read`` gives it.
    *indices : int
        One index per level of nesting.

    Returns
    -------
    object
        The content, or None.
    """
    for index in indices:
        inside = cells(value)
        value = inside[index] if index < len(inside) else None
    empty = isinstance(value, np.ndarray) and value.size == 0
    return None if empty else value


def cells(value: Any) -> list[Any]:
    """Contents of a cell array in MATLAB's order; none for what is empty or no cell array."""
    return (
        list(value.ravel(order="F"))
        if isinstance(value, np.ndarray) and value.dtype == object
        else []
    )


def _is_v5(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(128)[126:128] in (b"IM", b"MI")


def variable_names(path: Path) -> list[str]:
    """Names of the variables of a MATLAB file that ``read`` reads, in the order of the alphabet.

    Parameters
    ----------
    path : pathlib.Path
        A ``.mat`` file, v5 to v7.3.

    Raises
    ------
    RefusedInputError
        If the file is damaged.
    """
    with _told_of(path):
        if h5py.is_hdf5(path):
            with h5py.File(path, "r") as file:
                return sorted(name for name in file if not name.startswith("#"))
        return sorted({variable.name for variable in variables(path, lambda _name: False)} - {""})


@contextmanager
def _told_of(path: Path) -> Iterator[None]:
    """Name the file in whatever goes wrong with it: a damaged one makes scipy and h5py raise nearly
    anything."""
    try:
        yield
    except RefusedInputError as error:
        raise RefusedInputError(f"in {path}, {error}") from error
    except Exception as error:
        raise RefusedInputError(
            f"{path} was expected to be a whole MATLAB file, got a damaged one "
            f"({one_line(error)}): copy it again."
        ) from error


def _load_v5(path: Path, names: tuple[str, ...]) -> dict[str, Any]:
    if matfile_version(path)[0] != 1:
        raise ValueError("the version in its header is not 5")
    unread: dict[str, Any] = {}
    whole: dict[str, Any] = {}
    for name, fault, values in variables(path, lambda name: _is_needed(name, names)):
        if fault:
            unread[name] = Unreadable(fault)
        elif name in whole:
            raise ValueError(f"it holds {name} twice")
        elif _is_needed(name, names):
            whole[name] = _plain(values)
    return unread | {name: value for name, value in whole.items() if name not in unread}


def _is_needed(name: str, names: tuple[str, ...]) -> bool:
    """Whether a variable is to be read; names that scipy has for itself are nobody's."""
    return name != "" and not name.startswith("__") and (not names or name in names)


def _plain(value: Any) -> Any:
    """What scipy read, as plain values: mat_struct objects as dicts, arrays of characters as
    text."""
    if hasattr(value, "_fieldnames"):
        return {name: _plain(getattr(value, name)) for name in value._fieldnames}
    if scipy.sparse.issparse(value):
        refuse_absurd(value.shape, 8, "a sparse matrix")
        return value.toarray()
    if isinstance(value, np.ndarray) and value.dtype.kind == "U":
        return "\n".join(value.ravel().tolist())
    if not isinstance(value, np.ndarray) or value.dtype != object:
        return value
    if value.size == 1 and hasattr(value.flat[0], "_fieldnames"):
        return _plain(value.flat[0])
    return _objects([_plain(item) for item in value.ravel(order="F")], value.shape)


def _objects(items: list[Any], shape: tuple[int, ...]) -> NDArray[np.object_]:
    filled = np.empty(len(items), dtype=object)
    for index, item in enumerate(items):
        filled[index] = item
    return filled.reshape(shape, order="F")


def _load_hdf5(path: Path, names: tuple[str, ...]) -> dict[str, Any]:
    check_own_content(path)
    with h5py.File(path, "r") as file:
        present = [
            name for name in file if not name.startswith("#") and (not names or name in names)
        ]
        return {name: _plain_hdf5(file[name], _Walk(file, set(), [0])) for name in present}


class _Walk(NamedTuple):
    """An open file, the cells and structs that were met, the bytes that were read, and how deep it
    is."""

    file: Any
    met: set[int]
    taken: list[int]
    depth: int = 0

    def inside(self, node: Any) -> _Walk:
        """Return the walk one level down; MATLAB puts every cell and struct into one place only."""
        address = h5py.h5o.get_info(node.id).addr
        if address in self.met or self.depth >= DEEPEST:
            raise ValueError(
                f"{node.name} is referred to twice, or nested more than {DEEPEST} deep"
            )
        self.met.add(address)
        return self._replace(depth=self.depth + 1)

    def take(self, shape: Sequence[int], itemsize: int, what: str) -> None:
        """Count an array before it is read."""
        refuse_absurd(shape, itemsize, what)
        self.taken[0] += math.prod(int(length) for length in shape) * itemsize
        refuse_absurd((self.taken[0],), 1, f"all that {what} and others hold")


def _plain_hdf5(node: Any, walk: _Walk) -> Any:
    """What HDF5 holds of a MATLAB variable, as plain values: dims are reversed there, cells are
    references, text is UTF-16."""
    kind = node.attrs.get("MATLAB_class", b"")
    kind = kind.decode() if isinstance(kind, bytes) else str(kind)
    if "MATLAB_object_decode" in node.attrs or kind == "function_handle":
        return Unreadable(unreadable(str(node.name).strip("/"), kind))
    if "MATLAB_sparse" in node.attrs:
        return _filled(node, walk)
    if isinstance(node, h5py.Group):
        deeper = walk.inside(node)
        return {name: _plain_hdf5(node[name], deeper) for name in node}
    if node.attrs.get("MATLAB_empty", 0):
        refuse_absurd(node.shape, 8, "an empty array")
        shape = tuple(int(length) for length in np.ravel(node[()]))
        refuse_absurd(shape, 8, "an empty array")
        return "" if kind == "char" else np.empty(shape, dtype=object if kind == "cell" else float)
    walk.take(node.shape, node.dtype.itemsize, f"the array {node.name}")
    values = np.asarray(node[()]).T
    if h5py.check_ref_dtype(node.dtype) is not None:
        deeper = walk.inside(node)
        return _objects(
            [_plain_hdf5(walk.file[reference], deeper) for reference in values.ravel(order="F")],
            values.shape,
        )
    if kind == "char":
        return "\n".join(
            row.astype("<u2").tobytes().decode("utf-16-le") for row in np.atleast_2d(values)
        )
    return values


def _filled(node: Any, walk: _Walk) -> NDArray[Any]:
    """A sparse matrix with its zeros, if all of its places lie inside of it."""
    rows = int(node.attrs["MATLAB_sparse"])
    for name in ("jc", "data", "ir"):
        if name in node:
            walk.take(node[name].shape, node[name].dtype.itemsize, f"the array {node.name}/{name}")
    starts = np.asarray(node["jc"], dtype=np.int64).ravel()
    walk.take((rows, len(starts)), 8, f"the sparse matrix {node.name}")
    data, row_of = (
        np.asarray(node[name]).ravel() if name in node else np.zeros(0) for name in ("data", "ir")
    )
    places = row_of.astype(np.int64)
    fits = (
        starts.size > 0
        and starts[0] == 0
        and (np.diff(starts) >= 0).all()
        and starts[-1] <= min(len(places), len(data))
    )
    if not fits or ((places < 0) | (places >= max(rows, 1))).any():
        raise ValueError(f"the sparse matrix {node.name} has places outside of its shape")
    filled = int(starts[-1])
    matrix = scipy.sparse.csc_matrix(
        (data[:filled], places[:filled], starts), shape=(rows, len(starts) - 1)
    )
    return np.asarray(matrix.toarray())
