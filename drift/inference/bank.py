"""A bank: statistics of windows of many simulated runs, made on any executor, resumable, split by
run."""

from __future__ import annotations

import ast
import hashlib
import time
from collections.abc import Sequence
from concurrent.futures import BrokenExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Count, Seed
from drift.errors import RefusedInputError
from drift.files.atomic import remove_leftovers, replaced_atomically
from drift.files.code_version import code_version
from drift.files.store import provenance
from drift.inference.prior import PARAMETERS, Prior
from drift.inference.simulation.codes import drawn_code
from drift.inference.simulation.windows import drawn_window
from drift.inference.statistics.table import statistics
from drift.progress import progress_bar
from drift.sweeps.executors import executor_of, unguarded_script

ROLES = ("train", "calibrate", "test")
ROUNDS, CALIBRATE, TEST = 10, 3, 7  # of ten rounds over all mechanisms, these two
KIND = "bank of mechanisms"
HERE = Path(__file__).parent
MANTISSA = 12  # bits that are kept of each statistic: three digits, and files half as large


class BankTask(NamedTuple):
    """One run of a bank: its prior, mechanism and seed, and the file that its windows go to."""

    prior: Prior
    mechanism: str
    seed: int
    path: Path


@opened
def make_bank(
    folder: str | Path,
    prior: Prior | None = None,
    *,
    runs: Count = 3000,
    seed: Seed = 0,
    executor: Any = "processes",
    progress: bool = True,
) -> xr.Dataset:
    """Simulate the runs of a bank that are missing, and return the statistics of all.

    Runs take mechanisms in turn. One file a run in ``folder``, written completely or not at all and
    named by a hash of prior, seed and code: a bank that was interrupted goes on where it stood. Of
    ten rounds over all mechanisms eight are for training, one for calibration, one for tests.

    Parameters
    ----------
    folder : str or Path
        Of the files of runs; made if absent.
    prior : Prior, optional
    runs : int
        A run that diverges is left out and counted.
    seed : int
    executor : {"serial", "processes"} or object with ``submit``
        See ``drift.run_sweep``.
    progress : bool

    Returns
    -------
    xarray.Dataset
        ``value`` (window, statistic), NaN where there is too little to measure; ``truth`` (window,
        parameter), NaN where a mechanism has none; coordinates ``window_mechanism``, ``run``,
        ``role`` (window); attributes ``prior`` (JSON), ``seed``, ``runs``, ``left_out``,
        ``core_seconds`` and ``content_sha256``.

    Raises
    ------
    RefusedInputError
        If a process of the executor died, or every run diverged.
    """
    recipe = Prior() if prior is None else prior
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    remove_leftovers(target)
    requests = tasks(recipe, runs, seed, target)
    waiting = [task for task in requests if not task.path.exists()]
    bar = progress_bar(
        total=runs, initial=runs - len(waiting), disable=not progress, unit="run", desc="bank"
    )
    with ExitStack() as stack, bar:
        if waiting:
            _run(waiting, executor_of(executor, stack), bar)
    return _joined(requests, recipe, seed)


def tasks(prior: Prior, runs: int, seed: int, folder: Path) -> list[BankTask]:
    """Return the runs of a bank, mechanisms in turn.

    Parameters
    ----------
    prior : Prior
    runs, seed : int
    folder : Path
    """
    code = bank_version()
    requests = []
    for number in range(runs):
        own_seed = (seed << 32) + number
        key = hashlib.sha256(f"{prior.to_json()} {own_seed} {code}".encode()).hexdigest()[:24]
        mechanism = prior.mechanisms[number % len(prior.mechanisms)]
        requests.append(BankTask(prior, mechanism, own_seed, folder / f"{key}.npz"))
    return requests


def bank_version() -> str:
    """Return a hash of the code that decides the numbers of a bank; comments, docstrings and layout
    do not."""
    content = hashlib.sha256(code_version().encode())
    for path in (HERE / "prior.py", *sorted((HERE / "simulation").glob("*.py"))):
        content.update(_meaning(path))
    content.update(statistics_version().encode())
    return content.hexdigest()[:16]


def statistics_version() -> str:
    """Return a hash of the code that forms statistics, which must be the same for a bank and for
    the recording that is held against it."""
    content = hashlib.sha256()
    for path in (HERE / "observed.py", *sorted((HERE / "statistics").glob("*.py"))):
        content.update(_meaning(path))
    return content.hexdigest()[:16]


def _meaning(path: Path) -> bytes:
    """What a module does: its syntax tree without docstrings."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        first = body[0] if isinstance(body, list) and body else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            first.value = ast.Constant("")
    return path.name.encode() + ast.dump(tree).encode()


def run_task(task: BankTask) -> None:
    """Simulate one run, look at it through its windows, and write their statistics.

    Parameters
    ----------
    task : BankTask
    """
    began = time.process_time()
    values, truth, names, reason = np.zeros((0, 0)), np.zeros((0, len(PARAMETERS))), [""], ""
    try:
        code = drawn_code(task.prior, task.mechanism, task.seed)
    except RefusedInputError as refusal:
        reason = str(refusal)
    else:
        windows = [
            drawn_window(code, task.prior, task.seed, number)
            for number in range(task.prior.windows)
        ]
        rows = [statistics(window.observed) for window in windows]
        names, truth = list(rows[0]), np.stack([window.truth for window in windows])
        values = _rounded(np.array([list(row.values()) for row in rows], dtype=np.float32))
    with replaced_atomically(task.path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file, values=values, truth=truth.astype(np.float32), names=np.array(names),
            seconds=time.process_time() - began, reason=reason,
        )  # fmt: skip


def _rounded(values: np.ndarray) -> np.ndarray:
    """Numbers of which the first bits alone are kept."""
    bits = np.ascontiguousarray(values).view(np.uint32)
    dropped = 23 - MANTISSA
    rounded = ((bits + (1 << (dropped - 1))) >> dropped) << dropped
    return np.where(np.isfinite(values), rounded.astype(np.uint32).view(np.float32), np.nan).astype(
        np.float32
    )


def _run(waiting: Sequence[BankTask], executor: Any, bar: Any) -> None:
    futures: list[Any] = []
    try:
        for task in waiting:
            future = executor.submit(run_task, task)
            future.add_done_callback(lambda _done: bar.update())
            futures.append(future)
        for future in futures:
            future.result()
    except BrokenExecutor as error:
        raise RefusedInputError(
            f"a process of the executor died ({type(error).__name__}); {bar.n} of {bar.total} "
            f"runs are safe: {unguarded_script() or 'call it again for those that are missing'}."
        ) from None
    except BaseException:
        for future in futures:
            future.cancel()
        raise


def _joined(requests: Sequence[BankTask], prior: Prior, seed: int) -> xr.Dataset:
    values, truths, coords, seconds, left_out = [], [], [], 0.0, 0
    names: list[str] = []
    for number, task in enumerate(requests):
        with np.load(task.path) as file:
            seconds += float(file["seconds"])
            if str(file["reason"]):
                left_out += 1
                continue
            names = [str(name) for name in file["names"]]
            values.append(file["values"])
            truths.append(file["truth"])
        role = _role(number // len(prior.mechanisms))
        coords.append((task.mechanism, number, role, len(values[-1])))
    if not values:
        raise RefusedInputError(
            f"a bank needs a run that stays finite, got {left_out} of {len(requests)} that "
            "diverged: change the prior."
        )
    content = np.concatenate(values), np.concatenate(truths)
    sha = hashlib.sha256(b"".join(array.tobytes() for array in content)).hexdigest()
    by_window = {
        name: ("window", np.repeat([row[at] for row in coords], [row[3] for row in coords]))
        for at, name in enumerate(("window_mechanism", "run", "role"))
    }
    bank = xr.Dataset(
        {
            "value": (("window", "statistic"), content[0], {"units": "1"}),
            "truth": (("window", "parameter"), content[1], {"units": "1"}),
        },
        coords={**by_window, "statistic": names, "parameter": list(PARAMETERS)},
        attrs={
            **provenance(), "title": KIND, "prior": prior.to_json(), "seed": int(seed),
            "runs": len(requests), "left_out": left_out, "core_seconds": round(seconds, 1),
            "code": bank_version(), "statistics_code": statistics_version(),
            "content_sha256": sha,
        },
    )  # fmt: skip
    for name in ("window_mechanism", "role"):  # as characters, which are compressed: a third less
        bank[name].encoding["dtype"] = "S1"
    return bank


def _role(turn: int) -> str:
    place = turn % ROUNDS
    return "calibrate" if place == CALIBRATE else "test" if place == TEST else "train"
