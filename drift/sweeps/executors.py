"""Where the tasks of a sweep run: in this process, in processes of this machine, or on a cluster
that Dask drives."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from drift.errors import RefusedInputError

# A task is one subject in one compiled loop: further threads of a numerical library would only take
# turns with other tasks.
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)
WATCH_INTERVAL = 1.0  # seconds
GRACE = 5.0  # seconds for a last checkpoint


class SerialExecutor(Executor):
    """Runs each task in this process, at once, when it is handed over."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future:
        """Return the finished future of a task; an interrupt ends the sweep."""
        future: Future = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class ClusterOnDemand:
    """The client of a cluster whose jobs enter the queue with the first task, so that a dry run
    submits none."""

    def __init__(self, cluster: Any, client: Any, jobs: int) -> None:
        self.cluster, self.client, self._jobs = cluster, client, jobs

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Return Dask's future of a task."""
        if self._jobs:
            # unlike scale, this replaces jobs that end
            self.cluster.adapt(minimum_jobs=self._jobs, maximum_jobs=self._jobs)
            self._jobs = 0
        return self.client.submit(fn, *args, **kwargs)


@contextmanager
def processes(workers: int | None = None) -> Iterator[ProcessPoolExecutor]:
    """Give an executor of fresh processes of this machine, each with one thread.

    Parameters
    ----------
    workers : int, optional
        Number of processes; one for each core by default.
    """
    _end_a_script_that_is_read_again()
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    # inherited by the processes, whose libraries read it when they are loaded
    os.environ.update(ONE_THREAD)
    try:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(
            workers or os.cpu_count(), context, initializer=_end_with, initargs=(os.getpid(),)
        ) as pool:
            yield pool
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})


def _end_a_script_that_is_read_again() -> None:
    """End a process that, while it begins, has come to the line which made it: it would make
    processes without end."""
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise SystemExit(1)  # the process that made it says why


def unguarded_script() -> str:
    """Return the remedy for a script that its own processes cannot read again; empty where there is
    none, or it is guarded."""
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    try:
        guarded = script is None or "__main__" in Path(script).read_text(errors="replace")
    except OSError:
        guarded = True
    return (
        ""
        if guarded
        else f"each process reads {script} again, so put the call in it below if __name__ == "
        '"__main__":'
    )


def _end_with(launcher: int) -> None:
    """End this process when its launcher is gone: a launcher that is killed cannot tell its
    processes to stop."""

    def watch() -> None:
        while os.getppid() == launcher:
            time.sleep(WATCH_INTERVAL)
        signal.raise_signal(signal.SIGTERM)  # a task that is running writes its checkpoint
        time.sleep(GRACE)
        os._exit(1)  # tasks are written completely or not at all, and go on from their checkpoints

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def local_cluster(workers: int | None = None, **options: Any) -> Iterator[Any]:
    """Give the client of a Dask cluster of processes on this machine, which replaces a worker that
    dies.

    Parameters
    ----------
    workers : int, optional
        Number of processes; one for each core by default.
    **options
        Of ``dask.distributed.LocalCluster``.

    Raises
    ------
    RefusedInputError
        If Dask is not installed.
    """
    distributed = _installed("distributed")
    arranged = {
        "n_workers": workers or os.cpu_count(),
        "threads_per_worker": 1,
        "dashboard_address": None,
        "env": ONE_THREAD,
        **options,
    }
    with distributed.LocalCluster(**arranged) as cluster, distributed.Client(cluster) as client:
        yield client


@contextmanager
def slurm_cluster(
    jobs: int, *, memory: str = "2GB", walltime: str = "24:00:00", **options: Any
) -> Iterator[Any]:
    """Give an executor on a Dask cluster whose workers are SLURM jobs of one core each; jobs that
    end early are replaced.

    The process that calls this is the scheduler: run it where the nodes can reach it, and keep it
    alive. Nodes need the same Python environment and the same folder at the same paths. A task that
    outlives its job goes on from its checkpoint in the next.

    Parameters
    ----------
    jobs : int
        Jobs to keep running, or waiting, at a time.
    memory, walltime : str
        Of one job.
    **options
        Of ``dask_jobqueue.SLURMCluster``, such as ``queue``, ``account``, ``interface``,
        ``job_extra_directives`` or ``job_script_prologue``.

    Raises
    ------
    RefusedInputError
        If dask-jobqueue is not installed, or jobs is not positive.
    """
    if type(jobs) is not int or jobs < 1:
        raise RefusedInputError(
            f"jobs must be a whole number of at least 1, got {jobs!r}: give the number of "
            "SLURM jobs."
        )
    jobqueue, distributed = _installed("dask_jobqueue"), _installed("distributed")
    prologue = [f"export {name}={value}" for name, value in ONE_THREAD.items()] + list(
        options.pop("job_script_prologue", [])
    )
    arranged: Mapping[str, Any] = {
        "cores": 1,
        "processes": 1,
        "memory": memory,
        "walltime": walltime,
        "job_name": "repdrift",
        **options,
    }
    with (
        jobqueue.SLURMCluster(**arranged, job_script_prologue=prologue) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield ClusterOnDemand(cluster, client, jobs)


def executor_of(asked: Any, opened: ExitStack) -> Any:
    """Return the executor that was asked for; one made here is closed with ``opened``.

    Parameters
    ----------
    asked : {"serial", "processes"} or object with ``submit``
    opened : contextlib.ExitStack

    Raises
    ------
    RefusedInputError
        If it is neither a name nor has ``submit``.
    """
    if isinstance(asked, str) and asked == "serial":
        return SerialExecutor()
    if isinstance(asked, str) and asked == "processes":
        return opened.enter_context(processes())
    if not callable(getattr(asked, "submit", None)):
        raise RefusedInputError(
            f"executor must be 'serial', 'processes' or have submit, got {asked!r}: see run_sweep."
        )
    return asked


def job_script(executor: Any) -> str:
    """Return the script that a cluster hands to its queue for one worker; empty where the executor
    has none."""
    cluster = getattr(executor, "cluster", executor)
    script = getattr(cluster, "job_script", None)
    return script() if callable(script) else ""


def _installed(package: str) -> Any:
    import importlib

    try:
        return importlib.import_module(package)
    except ImportError:
        raise RefusedInputError(
            f"{package} is not installed: pip install 'repdrift[cluster]'."
        ) from None
