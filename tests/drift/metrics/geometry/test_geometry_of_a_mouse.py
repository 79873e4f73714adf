"""The geometry of drift of a recorded mouse, printed naive, frozen and cross-validated (``pytest -s
-m slow``); what is asserted holds whatever the options."""

from __future__ import annotations

import numpy as np
import pytest

import drift
from drift import metrics

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def mouse(data_folder):
    import data_adapters

    path = data_folder("zivlab_multiday") / "C6_M4" / "Environment A"
    sessions = list(drift.counted_events(data_adapters.sessions("sheintuch2023", str(path))))
    measured = drift.measure(sessions, halves="trials")
    events = (measured["rate"] * measured["occupancy"]).sum(["place", "direction"])
    return measured, metrics.trial_noise_covariance(sessions), events >= 10


def means(values):
    """Mean and standard deviation over pairs of different sessions."""
    first, second = np.triu_indices(values.sizes["session"], k=1)
    pairs = values.values[0][first, second]
    return np.nanmean(pairs, axis=0), np.nanstd(pairs, axis=0, ddof=1)


def printed(name, values, spread):
    row = "  ".join(f"{mean:7.3f} ({scatter:.3f})" for mean, scatter in zip(values, spread))
    print(f"{name:28s}{row}")


def test_geometry_of_the_mouse(mouse):
    measured, noise, keep = mouse
    print(f"\n{'mean (sd) over 28 pairs':28s}naive            frozen           cross-validated")
    for of in ("noise", "components", "coding"):
        options = {} if of == "coding" else {"noise": noise}
        result = metrics.drift_alignment(measured, of, keep=keep, **options)
        for name in ("alignment", "normalised_alignment", "chance", "shuffled"):
            printed(f"{of}: {name}", *means(result[name]))
        times = result["alignment"] / result["chance"]
        printed(f"{of}: multiple of chance", *means(times))
        assert (means(result["defined"])[0] > 0.8).all()
        naive, frozen, crossed = means(result["alignment"])[0]
        assert of == "coding" or (abs(naive - frozen) < 0.1 and 0 < crossed < 1)
    dimension = metrics.drift_dimension(measured, keep=keep)
    printed("dimension", *means(dimension["dimension"]))
    shares = metrics.drift_transformations(measured, keep=keep)
    for name in shares["transformation"].values:
        printed(f"share of {name}", *means(shares["share"].sel(transformation=name)))
        printed("  of surrogates", *means(shares["surrogate_share"].sel(transformation=name)))
    stability = metrics.representational_stability(measured, keep=keep)
    printed("stability of similarity", *means(stability["stability"]))
    coordination = metrics.drift_coordination(measured)
    printed(
        "coordination",
        *(coordination[name].values[0] for name in ("coordination", "shuffled_deviation")),
    )
    naive, frozen, crossed = means(stability["stability"])[0]
    assert naive < crossed < 1 and naive < frozen


def test_table_of_the_mouse(mouse):
    measured, noise, keep = mouse
    table = metrics.geometry_table(measured, noise=noise, keep=keep, groups=10, null=5)
    print("\n" + table.drop(columns=["speaks_of", "reason"]).round(3).to_string())
    figures = table.set_index("measure").drop(index="coordination over days")
    assert (figures["lower"] <= figures["estimate"]).all()
    assert (figures["estimate"] <= figures["upper"]).all()
    assert (figures["drifting_pairs"].dropna() > 0.8 * 28).all()
