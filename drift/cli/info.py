"""``repdrift info``: what is in a file or folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr
from tyro.conf import Positional

from drift.cli.arguments import parsed, told
from drift.cli.lines.summaries import stimulus_rows
from drift.errors import RefusedInputError
from drift.files.store import load
from drift.metrics.rooms import environments
from drift.schema.map_dims import STIMULUS, map_dim

EXAMPLES = """\
  repdrift info run.nc              dims, variables with units, recipe, versions
  repdrift info recipe.toml         is it a recipe, and what does it leave to defaults?
  repdrift info sweeps/noise        how far a sweep is"""


def command(path: Positional[Path]) -> None:
    """Tell what a netCDF result, a recipe in TOML or the folder of a sweep holds.

    Parameters
    ----------
    path
        File or folder.
    """
    if path.is_dir():
        told(*_sweep(path))
    elif path.suffix == ".toml":
        from drift.cli.run import loaded_recipe

        told(f"{path} is a recipe; with all defaults it reads:", "", loaded_recipe(path).to_toml())
    else:
        told(*_dataset(load(path)))


def _dataset(dataset: xr.Dataset) -> list[str]:
    lines = [
        str(dataset.attrs.get("title", "labelled result")),
        "dims: " + ", ".join(f"{name} {size}" for name, size in dataset.sizes.items()),
        "",
    ]
    lines += [_variable(str(name), values) for name, values in dataset.data_vars.items()]
    lines += [
        "",
        *_coordinates(dataset),
        *_settings(dataset),
        "",
        *_provenance(dataset),
        *_recipes(dataset),
    ]
    return lines


def _variable(name: str, values: xr.DataArray) -> str:
    units, meaning = values.attrs.get("units", ""), values.attrs.get("long_name", "")
    return f"  {name:32} ({', '.join(map(str, values.dims))}) [{units}] {meaning}"


def _coordinates(dataset: xr.Dataset) -> list[str]:
    shown = [name for name in dataset.coords if name != "experiment"]
    return ["coordinates: " + ", ".join(map(str, shown))]


SETTINGS = {
    "bin_size": "bin size",
    "minimum_speed": "minimum speed",
    "minimum_occupancy": "minimum occupancy",
    "seed": "seed",
}


def _settings(dataset: xr.Dataset) -> list[str]:
    """How a recording was measured, with units, and where."""
    if "minimum_speed" not in dataset.attrs:
        return []
    length = next(
        (
            str(dataset[name].attrs["units"])
            for name in ("place_x", "place")
            if name in dataset.coords
        ),
        "",
    )
    units = {
        "bin_size": f" {length}",
        "minimum_speed": f" {length}/s" if length else "",
        "minimum_occupancy": " s",
    }
    said = [
        f"{text} {dataset.attrs[name]}{units.get(name, '')}"
        for name, text in SETTINGS.items()
        if name in dataset.attrs and not _says_nothing(dataset, name)
    ]
    rooms = ", ".join(
        f"{label} ({count} session{'s' * (count != 1)})"
        for label, count in environments(dataset).items()
    )
    kind = "informative" if map_dim(dataset) == STIMULUS else "place"
    return [
        *stimulus_rows(dataset),
        f"measured with: {', '.join(said)}",
        f"{kind} units: {dataset.attrs.get('place_unit_rule', 'rule not known')}",
        f"environments: {rooms or 'none is labelled'}",
    ]


def _says_nothing(dataset: xr.Dataset, name: str) -> bool:
    """Tell whether a setting excludes no sample: stimuli count at whatever speed."""
    still = name == "minimum_speed" and dataset.attrs[name] == 0
    return still and map_dim(dataset) == STIMULUS


def _provenance(dataset: xr.Dataset) -> list[str]:
    names = [name for name in dataset.attrs if str(name).startswith("version_")]
    versions = ", ".join(
        f"{str(name).removeprefix('version_')} {dataset.attrs[name]}" for name in names
    )
    entries = [
        f"{name}: {dataset.attrs[name]}"
        for name in ("created", "engine", "commit", "source")
        if name in dataset.attrs
    ]
    return ["; ".join(entries), f"versions: {versions}"]


def _recipes(dataset: xr.Dataset) -> list[str]:
    """The recipe of the first subject, and what of it differs between subjects."""
    from drift.experiment import Experiment

    if "experiment" not in dataset.coords:
        return []
    texts = [str(text) for text in np.ravel(dataset["experiment"].values)]
    try:
        first = Experiment.from_json(texts[0]).to_toml()
    except RefusedInputError:  # a circuit's, or of a task that is no longer at hand
        first = json.dumps(json.loads(texts[0]), indent=2)
    differing = len(set(texts)) - 1
    return [
        "",
        f"recipe of subject {dataset['subject'].values[0]}"
        + (f" (and {differing} others that differ)" if differing else "")
        + ":",
        "",
        first,
    ]


def _sweep(folder: Path) -> list[str]:
    from drift.sweeps.files import listed, set_aside

    tasks = listed(folder)
    states = [task.state for task in tasks]
    told = [f"  {task.path.stem}: {task.reason}" for task in tasks if task.reason]
    counts = ", ".join(f"{states.count(state)} {state}" for state in ("done", "failed", "missing"))
    return [
        f"a sweep of {len(tasks)} tasks: {counts}",
        *told,
        *(f"{sentence}." for sentence in set_aside(folder)),
    ]


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    parsed(command, "info", arguments, EXAMPLES)
