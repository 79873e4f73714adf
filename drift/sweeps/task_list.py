"""What was asked of a sweep folder: plans of tasks, one added to the other, so that a second one
hides nothing of the first."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from drift.errors import RefusedInputError
from drift.files.atomic import replaced_atomically
from drift.files.locks import locked
from drift.sweeps.tasks import Task, key

LIST = "sweep.json"
DAMAGED = "sweep.damaged.json"  # what a list that could not be read is kept as
# code, options, and tasks: each a recipe, what decides its numbers besides, and its key
Plan = dict[str, Any]


def write_list(asked: Sequence[Task], folder: Path, options: Mapping[str, Any], code: str) -> None:
    """Add tasks to what was asked for in the folder.

    Tasks of the same options and the same code make one plan, in the order in which they were first
    asked for. Launchers that do this at the same moment wait for each other, see
    ``drift.files.locks``.

    Parameters
    ----------
    asked : sequence of Task
    folder : Path
    options : mapping
        Of what runs the tasks.
    code : str
        See ``drift.files.code_version``.
    """
    path = folder / LIST
    if _with_tasks(path, asked, options, code) is None:
        return
    with locked(path):  # and look again: another launcher may have added its plan
        _set_damaged_aside(path)
        text = _with_tasks(path, asked, options, code)
        if text is not None:
            with replaced_atomically(path) as temporary:
                temporary.write_text(text)


def _with_tasks(
    path: Path, requests: Sequence[Task], options: Mapping[str, Any], code: str
) -> str | None:
    """The text of a list with further tasks; None where it has them all already."""
    try:
        plans = _plans(path) if path.exists() else []
    except RefusedInputError:
        plans = []
    same = [plan for plan in plans if (plan["code"], plan["options"]) == (code, options)]
    entries = {entry["key"]: entry for plan in same for entry in plan["tasks"]}
    entries |= {
        entry["key"]: entry for entry in map(_entry, requests) if entry["key"] not in entries
    }
    foreign = [plan for plan in plans if plan not in same]
    text = json.dumps(
        {
            "plans": [
                *foreign,
                {"code": code, "options": dict(options), "tasks": list(entries.values())},
            ]
        }
    )
    return None if path.exists() and path.read_bytes() == text.encode() else text


def _set_damaged_aside(path: Path) -> None:
    try:
        _plans(path)
    except RefusedInputError:
        with suppress(OSError):
            path.replace(path.with_name(DAMAGED))


def listed(folder: Path) -> list[Task]:
    """Return the tasks that were asked for with the latest options and code, by one plan or
    several.

    Parameters
    ----------
    folder : Path

    Raises
    ------
    RefusedInputError
        If the folder holds no sweep, or its list is damaged.
    """
    plan = _found(folder)[-1]
    return [_task(entry, plan, folder) for entry in plan["tasks"]]


def set_aside(folder: Path) -> list[str]:
    """Return a sentence for each plan whose tasks are not among those that ``listed`` returns.

    Parameters
    ----------
    folder : Path
    """
    *earlier, last = _found(folder)
    recipes = [entry["recipe"] for entry in last["tasks"]]
    sentences = []
    for plan in earlier:
        hidden = [
            entry
            for entry in plan["tasks"]
            if plan["options"] != last["options"] or entry["recipe"] not in recipes
        ]
        if hidden:
            sentences.append(
                f"{len(hidden)} more tasks were run {_difference(plan, last)}: run_sweep with "
                "the same recipes shows them"
            )
    return sentences


def _difference(plan: Plan, last: Plan) -> str:
    before = {
        name: value for name, value in plan["options"].items() if last["options"].get(name) != value
    }
    told = [
        f"{name} {', '.join(value) if isinstance(value, list) else value}"
        for name, value in before.items()
    ]
    return "with " + " and ".join(told) if told else "by another code of repdrift"


def _entry(task: Task) -> dict[str, Any]:
    return {
        "key": task.path.stem,
        "recipe": json.loads(task.recipe),
        "beside": [list(source) for source in task.beside],
    }


def _task(entry: Mapping[str, Any], plan: Plan, folder: Path) -> Task:
    return Task(
        json.dumps(entry["recipe"]),
        plan["options"],
        folder / f"{entry['key']}.nc",
        tuple(map(tuple, entry["beside"])),
    )


def _found(folder: Path) -> list[Plan]:
    path = folder / LIST
    try:
        if not path.is_file():
            raise RefusedInputError(
                f"there is no sweep in {folder}: give the folder that run_sweep was given."
            )
    except OSError as error:
        raise RefusedInputError(
            f"the sweep in {folder} cannot be read ({error.strerror}): ask the owner of the folder."
        ) from None
    return _plans(path)


def _plans(path: Path) -> list[Plan]:
    """The plans of a list, each task checked against its key."""
    try:
        content = json.loads(path.read_text())
        plans: list[Plan] = (
            [_of_older_version(content)] if "recipes" in content else content["plans"]
        )
        for plan in plans:
            for entry in plan["tasks"]:
                beside = [tuple(source) for source in entry["beside"]]
                if entry["key"] != key(entry["recipe"], plan["options"], plan["code"], beside):
                    raise ValueError(f"task {entry['key']} does not agree with its recipe")
        return plans if plans[-1]["tasks"] else []
    except PermissionError as error:
        raise RefusedInputError(
            f"{path} cannot be read ({error.strerror}): ask the owner of the folder."
        ) from None
    except Exception as error:  # text that is damaged may have become any other
        reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise RefusedInputError(
            f"{path} cannot be read ({reason}): run the sweep again to write it anew."
        ) from None


def _of_older_version(content: Mapping[str, Any]) -> Plan:
    code, options = content["code"], content["options"]
    entries = [
        {"key": key(recipe, options, code, ()), "recipe": recipe, "beside": []}
        for recipe in content["recipes"]
    ]
    return {"code": code, "options": options, "tasks": entries}
