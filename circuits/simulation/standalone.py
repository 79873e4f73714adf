"""Circuits as compiled programs: Brian2's C++ standalone device, in a process and a folder of its
own.

Brian2 keeps one device for a whole process and would have to be reset after each program, so the
program is built and run by ``python -m circuits.simulation.standalone FOLDER``, which reads the
batch from the folder and leaves the result there.
"""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from circuits.simulation import brian
from circuits.simulation.batch import Batch, Simulated, run_network
from drift.schema.labelled_form import RefusedInputError

BATCH, RESULT = "batch.pickle", "result.pickle"


def simulate_standalone(
    batch: Batch, duration: float, *, snapshots: bool, trajectory: bool
) -> Simulated:
    """Simulate a batch as a compiled program; see ``circuits.simulation.targets.simulate``.

    Raises
    ------
    RefusedInputError
        If there is no C++ compiler, or the program fails.
    """
    if not any(map(shutil.which, (os.environ.get("CXX", "c++"), "g++", "clang++", "cl"))):
        raise RefusedInputError(
            "target 'cpp_standalone' needs a C++ compiler and none was found: install g++, or "
            "use target='numpy'."
        )
    request = {
        "batch": batch,
        "duration": duration,
        "snapshots": snapshots,
        "trajectory": trajectory,
    }
    with tempfile.TemporaryDirectory(prefix="repdrift-circuit-") as folder:
        (Path(folder) / BATCH).write_bytes(pickle.dumps(request))
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        command = [sys.executable, "-m", "circuits.simulation.standalone", folder]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        result = Path(folder) / RESULT
        if done.returncode or not result.exists():
            reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise RefusedInputError(
                f"the compiled circuit failed ({reason[:200]}): use target='numpy', which "
                "needs no compiler."
            )
        return pickle.loads(result.read_bytes())


def build_and_run(folder: Path) -> None:
    """Read the batch of a folder, run it on the standalone device, and leave the result in the
    folder."""
    brian2 = brian.brian2()

    request: dict[str, Any] = pickle.loads((folder / BATCH).read_bytes())
    brian2.set_device("cpp_standalone", directory=str(folder / "program"))
    simulated = run_network(request.pop("batch"), request.pop("duration"), **request)
    (folder / RESULT).write_bytes(pickle.dumps(simulated))


if __name__ == "__main__":
    build_and_run(Path(sys.argv[1]))
