"""What was compiled just now and what is read from disk compute the same bits."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROCESSORS = {
    "this one": {},
    "no fused multiply and add": {"NUMBA_CPU_NAME": "sandybridge", "NUMBA_CPU_FEATURES": "+avx"},
    "no vectors beyond 16 bytes": {"NUMBA_CPU_NAME": "nehalem", "NUMBA_CPU_FEATURES": ""},
}
DIGESTS = """
import hashlib
import drift
from drift import similarity_matching as matching

def digest(run):
    content = hashlib.sha256()
    for name in sorted(map(str, run.data_vars)):
        content.update(name.encode() + run[name].values.tobytes())
    return content.hexdigest()[:16]

task, network = drift.CorridorTask(samples=20, rays=5), drift.Network(units=29)
base = drift.Experiment(task=task, network=network, steps=200, sessions=3)
shaken = drift.UpdateNoise(std=0.02, acts_on="weights")
for recipe in (
    base.replace(noise=[drift.UpdateNoise(std=0.02), drift.LabelNoise(std=0.1, law="uniform")]),
    base.replace(learner=drift.Adam(), noise=[drift.InputNoise(std=0.1), shaken]),
    base.replace(learner=drift.StochasticErrorDescent(), noise=[shaken]),
    base.replace(learner=drift.StochasticErrorDescent(learning_rate=0.01, faithful=True)),
):
    for precision in ("float32", "float64"):
        run = drift.train([recipe], engine="fused", precision=precision, progress=False)
        print(digest(run))
ring = matching.RingInputs(angles=30)
maps = {"inputs": ring, "units": 12, "steps": 60, "sessions": 3}
for recipe in (
    matching.SimilarityMatching(**maps),
    matching.ExcitatoryInhibitory(**maps, interneurons=5),
    matching.PrincipalSubspace(inputs=matching.GaussianInputs(samples=50), steps=60, sessions=3),
):
    print(digest(matching.simulate([recipe], progress=False)))
"""


@pytest.mark.slow  # compiles everything anew for each processor
@pytest.mark.parametrize("processor", PROCESSORS)
def test_what_is_compiled_now_is_what_is_read_later(processor: str, tmp_path: Path):
    """A run that goes on in another process must not find other roundings there."""
    environment = os.environ | PROCESSORS[processor] | {"NUMBA_CACHE_DIR": str(tmp_path)}
    digests = [
        subprocess.run(
            [sys.executable, "-c", DIGESTS],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for _ in range(2)
    ]
    assert len(digests[0]) == 11
    assert digests[0] == digests[1]
