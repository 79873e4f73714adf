"""Circuits settle on the runtime device whatever Brian2 device the user has set, and leave that one
as it was."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import brian2, numpy as np, circuits
brian2.set_device("cpp_standalone", build_on_run=False, directory=None)
before = brian2.get_device()
drive = np.random.default_rng(0).standard_normal((3, 20))
circuit = circuits.LinearInterneuron(units=20).for_active_fraction(0.1, drive)
apart = [np.abs(circuit.settle(drive).rate - circuit.fixed_point(drive).rate).max().item() for _ in range(2)]
after = brian2.get_device()
assert max(apart) < 1e-5, apart
assert after is before and not after.build_on_run, (before, after)
"""


def test_a_device_of_the_user_is_set_aside_and_set_again():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
