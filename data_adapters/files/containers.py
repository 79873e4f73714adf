"""One set of named fields in four kinds of file: ``.npz``, ``.mat`` (v5, and v7.3 for reading) and
``.nc``. No file can run code.

A field is text, a number, an array, or a list (of texts, or of arrays of unequal length, in
``.mat`` files only).
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
import xarray as xr
from numpy.typing import NDArray

from data_adapters.files import matlab
from data_adapters.files.limits import refuse_absurd
from data_adapters.files.regular import regular
from data_adapters.files.wording import cut
from data_adapters.options import existing, one_line
from data_adapters.session import one_of
from drift.files.atomic import replaced_atomically
from drift.files.own_content import check_own_content, refuse_swollen
from drift.schema.labelled_form import RefusedInputError

FORMATS = ("npz", "mat", "nc")
PICKLES = (".pkl", ".pickle", ".p", ".joblib")


def read_fields(path: str | Path) -> dict[str, Any]:
    """All fields of a file.

    Parameters
    ----------
    path : str or pathlib.Path
        A ``.npz``, ``.mat`` or ``.nc`` file.

    Returns
    -------
    dict
        Text as str, arrays as numpy arrays (scalars have one element), cell arrays as lists.

    Raises
    ------
    RefusedInputError
        If the file is missing, damaged, of another kind, or holds pickled objects.
    """
    path = regular(path)
    refuse_pickle(path)
    if path.suffix == ".mat":
        return {name: _listed(value) for name, value in matlab.read(path).items()}
    if path.suffix not in (".npz", ".nc"):
        raise RefusedInputError(
            f"{path} was expected to be a .npz, .mat or .nc file, got "
            f"{path.suffix or 'no suffix'}: convert it."
        )
    return _read_npz(path) if path.suffix == ".npz" else _read_netcdf(path)


def refuse_pickle(path: Path) -> None:
    """Refuse a file whose suffix says that it is a pickle.

    Raises
    ------
    RefusedInputError
        Always for a pickle: opening it runs the code it holds.
    """
    if path.suffix in PICKLES:
        remedy = "load it where you trust it and save its arrays with numpy.savez"
        raise RefusedInputError(
            f"{path} was expected to hold plain arrays (.npz, .mat, .nc), got a pickle, which "
            f"can run code: {remedy}."
        )


def write_fields(fields: Mapping[str, Any], path: str | Path, overwrite: bool = False) -> Path:
    """Write fields to a file of the kind that its suffix says; a file that is half written never
    bears the name.

    Parameters
    ----------
    fields : mapping
        Text, numbers and arrays of numbers or text by name.
    path : str or pathlib.Path
        With the suffix ``.npz``, ``.mat`` (v5) or ``.nc``.
    overwrite : bool
        Replace an existing file.

    Returns
    -------
    pathlib.Path
        The path.

    Raises
    ------
    RefusedInputError
        If the suffix is unknown, the folder is missing, closed or full, or the file exists and may
        not be replaced.
    """
    path = Path(path)
    kind = one_of(path.suffix.removeprefix("."), FORMATS, f"suffix of {path}")
    existing(path.parent)
    if path.exists() and not overwrite:
        raise RefusedInputError(
            f"{path} was expected not to exist yet, got a file: choose another name or "
            "overwrite=True."
        )
    if kind != "npz":
        _refuse_unwritable(fields, path)
    with replaced_atomically(path, overwrite=overwrite) as partial_file:
        {"npz": _write_npz, "mat": _write_mat, "nc": _write_netcdf}[kind](fields, partial_file)
    return path


def _refuse_unwritable(fields: Mapping[str, Any], path: Path) -> None:
    """Refuse texts that are no Unicode, such as names of folders in another coding."""
    for name, value in fields.items():
        texts = np.ravel(value).tolist() if np.asarray(value).dtype.kind == "U" else []
        for text in texts:
            try:
                text.encode()
            except UnicodeEncodeError as error:
                raise RefusedInputError(
                    f"{name} of {path} was expected to be text in Unicode, got "
                    f"{cut(ascii(text))}: rename the folder or label that it comes from."
                ) from error


def _listed(value: Any) -> Any:
    return matlab.cells(value) if isinstance(value, np.ndarray) and value.dtype == object else value


def _read_npz(path: Path) -> dict[str, Any]:
    try:
        with zipfile.ZipFile(path) as archive:
            refuse_swollen(
                sum(member.file_size for member in archive.infolist()),
                path.stat().st_size,
                str(path),
            )
            fields = {
                member.filename.removesuffix(".npy"): _read_npy(archive, member, path)
                for member in archive.infolist()
            }
    except RefusedInputError:
        raise
    except (
        Exception
    ) as error:  # a damaged archive makes zipfile, zlib and numpy raise nearly anything
        remedy = "save plain arrays of numbers and text with numpy.savez"
        raise RefusedInputError(
            f"{path} was expected to be a whole .npz file without pickled objects, got: "
            f"{one_line(error)}; {remedy}."
        ) from error
    return {
        name: str(value) if value.dtype.kind == "U" and value.ndim == 0 else value
        for name, value in fields.items()
    }


def _read_npy(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> NDArray[Any]:
    """One array of the archive; its header is read first, so that what it claims can be refused."""
    what = f"{member.filename} in {path}"
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        read_header = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, _, dtype = read_header(file)
    refuse_absurd(shape, dtype.itemsize, what)
    if member.file_size < math.prod(shape) * dtype.itemsize and not dtype.hasobject:
        raise RefusedInputError(
            f"{what} was expected to hold {shape} of {dtype}, got {member.file_size} bytes: "
            "copy the file again."
        )
    with archive.open(member) as file:
        return np.asarray(np.lib.format.read_array(file, allow_pickle=False))


def _read_netcdf(path: Path) -> dict[str, Any]:
    try:
        check_own_content(path)
        with xr.open_dataset(
            path, engine="netcdf4", decode_times=False, decode_coords=False
        ) as dataset:
            for name, variable in dataset.variables.items():
                refuse_absurd(variable.shape, variable.dtype.itemsize, f"{name} in {path}")
            arrays = {
                str(name): _text_or_array(variable.values)
                for name, variable in dataset.variables.items()
            }
            return {
                **{
                    str(name): value if isinstance(value, str) else np.asarray(value)
                    for name, value in dataset.attrs.items()
                },
                **arrays,
            }
    except RefusedInputError:
        raise
    except Exception as error:  # HDF5, netCDF4 and xarray raise nearly anything on a damaged file
        raise RefusedInputError(
            f"{path} was expected to be a whole netCDF file, got: {one_line(error)}; write it "
            "again."
        ) from error


def _text_or_array(values: NDArray[Any]) -> str | NDArray[Any]:
    """Text where a variable without dims holds text, as xarray writes it; texts of several cells as
    an array of them."""
    if values.dtype.kind not in "OSU":
        return values
    texts = np.array(
        [
            entry.decode(errors="replace") if isinstance(entry, bytes) else str(entry)
            for entry in values.ravel().tolist()
        ]
    )
    return str(texts[0]) if values.ndim == 0 else texts.reshape(values.shape)


def _write_npz(fields: Mapping[str, Any], path: Path) -> None:
    with path.open("wb") as file:
        arrays: dict[str, Any] = {name: np.asarray(value) for name, value in fields.items()}
        np.savez_compressed(file, **arrays)


def _write_mat(fields: Mapping[str, Any], path: Path) -> None:
    content = {
        name: np.asarray(value, dtype=object)
        if np.asarray(value).dtype.kind == "U" and np.ndim(value)
        else value
        for name, value in fields.items()
    }
    scipy.io.savemat(
        path, content, appendmat=False, do_compression=True, oned_as="column", long_field_names=True
    )


def _write_netcdf(fields: Mapping[str, Any], path: Path) -> None:
    attrs = {name: value for name, value in fields.items() if isinstance(value, str)}
    variables = {
        name: (tuple(f"{name}_{axis}" for axis in range(np.ndim(value))), np.asarray(value))
        for name, value in fields.items()
        if name not in attrs
    }
    xr.Dataset(variables, attrs=attrs).to_netcdf(path, engine="netcdf4")
