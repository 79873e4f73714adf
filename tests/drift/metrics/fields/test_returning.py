"""Recurrence by hand, in closed form for codes that are drawn anew, and nothing beyond test noise
for a code at rest."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy.stats import norm

import drift
from drift import metrics
from drift.errors import RefusedInputError
from drift.theory.code_drift import active_set_overlap


def of_counts(counts, environment=None):
    """Longitudinal Dataset of (session, unit, place) counts, one unit of time at each place."""
    values = np.asarray(counts, dtype=float)[np.newaxis]
    ds = xr.Dataset(
        {
            "rate": (("subject", "session", "unit", "place"), values),
            "occupancy": (
                ("subject", "session", "place"),
                np.ones(values.shape[:2] + values.shape[3:]),
            ),
        },
        coords={"subject": ["m"], "session": np.arange(values.shape[1])},
        attrs={"activity_kind": "counts"},
    )
    ds = ds.assign_coords(
        elapsed=(("subject", "session"), np.arange(values.shape[1])[np.newaxis], {"units": "day"})
    )
    return (
        ds
        if environment is None
        else ds.assign_coords(environment=(("subject", "session"), [environment]))
    )


def of_flags(flags, environment=None):
    return of_counts(np.asarray(flags, dtype=float)[..., np.newaxis], environment)


def redrawn(rng, sessions, units, share, member, draw):
    """(session, unit) states, each drawn anew with probability ``share`` from session to session."""
    state = [draw(rng, units)]
    for _session in range(1, sessions):
        state.append(np.where(rng.random(units) < share, draw(rng, units), state[-1]))
    return np.array(state)


def test_shares_by_hand():
    nan = np.nan
    ds = of_flags([[1, 1, 1, 0, 0, nan], [1, 0, nan, 1, 0, 1]])
    pair = metrics.recurrence(ds, "active").isel(subject=0, session=0, session_other=1)
    assert float(pair["shared_members"]) == 2  # the third member is not observed, not lost
    assert float(pair["recurrence"]) == 1 / 2
    assert float(pair["base_rate"]) == 2 / 4
    assert pair["recurrence_by_noise"].isnull()


def test_events_make_a_unit_active():
    ds = of_counts([[[6, 5], [6, 3]], [[9, 1], [9, 0]]])
    pair = metrics.recurrence(ds, "active", 10).isel(subject=0, session=0, session_other=1)
    assert float(pair["shared_members"]) == 1 and float(pair["base_rate"]) == 1 / 2
    for changes, message in (
        ({"attrs": {"activity_kind": "amplitudes"}}, "counted_events"),
        ({"of": "place"}, 'of="active"'),
    ):
        other = ds.assign_attrs(changes.get("attrs", {}))
        with pytest.raises(RefusedInputError, match=message):
            metrics.recurrence(other, changes.get("of", "active"), 10)


def test_other_rooms_are_not_compared():
    ds = of_flags([[1, 1, 0], [0, 0, 1], [1, 0, 0]], ["A", "B", "A"])
    result = metrics.recurrence(ds, "active").isel(subject=0)["recurrence"]
    assert result.isnull()[0, 1] and float(result[0, 2]) == 1 / 2
    everywhere = metrics.recurrence(ds, "active", across_environments=True)["recurrence"]
    assert float(everywhere[0, 0, 1]) == 0


def test_membership_drawn_anew_returns_as_its_closed_form(rng):
    share, member, sessions = 0.3, 0.25, 6
    flags = redrawn(rng, sessions, 20_000, share, member, lambda g, n: g.random(n) < member)
    ds = of_flags(flags)
    result = metrics.recurrence(ds, "active")
    curve = metrics.curve_by_lag(result["recurrence"], ds["elapsed"]).isel(subject=0)
    stays = (1 - share) ** np.arange(1, sessions)
    expected = stays + member * (1 - stays)
    # Members of a session are 5,000; pairs share units, so that they help little: z = 4.
    error = np.sqrt(expected * (1 - expected) / (member * 20_000))
    assert (np.abs(curve.values - expected) < 4 * error).all()
    base = metrics.curve_by_lag(result["base_rate"], ds["elapsed"])
    assert abs(float(base.mean()) - member) < 4 * np.sqrt(member * (1 - member) / 20_000)


def events(rng, strength, places=8):
    """(session, unit, place) Poisson counts of units of a given strength."""
    shape = np.full(places, 1 / places)
    return rng.poisson(strength[..., np.newaxis] * shape)


def strengths(rng, units):
    return rng.lognormal(2.2, 0.9, units)


def between_and_within(ds, seed):
    result = metrics.recurrence(metrics.thinned_halves(ds, seed), "active", 10)
    means = [
        metrics.curve_by_lag(result[name], ds["elapsed"]).mean().item()
        for name in ("recurrence_of_halves", "recurrence_by_noise", "recurrence_corrected")
    ]
    return (*means, result["recurrence"][0, 0, 1].item())


def test_a_frozen_code_turns_over_by_test_noise_alone(rng):
    runs = []
    for seed in range(20):
        strength = np.broadcast_to(strengths(rng, 200), (5, 200))
        runs.append(between_and_within(of_counts(events(rng, strength)), seed))
    halves, noise, corrected, whole = np.array(runs).T
    assert noise.mean() < 0.85 and whole.mean() < 0.9  # where naive numbers show turnover
    for value in (halves - noise, corrected - 1):
        assert abs(value.mean()) < 2 * value.std(ddof=1) / np.sqrt(value.size)


def test_noise_is_removed_from_a_code_drawn_anew(rng):
    share, runs = 0.25, []
    for seed in range(20):
        strength = redrawn(rng, 4, 400, share, None, strengths)
        ds = metrics.thinned_halves(of_counts(events(rng, strength)), seed)
        result = metrics.recurrence(ds, "active", 10)["recurrence_corrected"]
        runs.append(metrics.curve_by_lag(result, ds["elapsed"]).values[0])
    runs = np.array(runs)
    error = runs.std(axis=0, ddof=1) / np.sqrt(len(runs))
    assert (np.abs(runs.mean(axis=0) - (1 - share) ** np.arange(1, 4)) < 3 * error).all()


def test_wrong_matches_are_undone(rng):
    flags = np.repeat(rng.random((1, 4000)) < 0.3, 2, axis=0)
    wrong = rng.permutation(np.flatnonzero(rng.random(4000) < 0.2))
    flags[1, wrong] = flags[1, np.roll(wrong, 1)]
    ds = of_flags(flags)
    seen, undone = (
        float(metrics.recurrence(ds, "active", wrong_matches=rate)["recurrence"][0, 0, 1])
        for rate in (0.0, 0.2)
    )
    error = np.sqrt(0.2 * 0.8 / (0.3 * 4000))
    assert abs(seen - (0.8 + 0.2 * 0.3)) < 4 * error and abs(undone - 1) < 5 * error


def test_relabelled_units_and_company_change_nothing(rng):
    counts = rng.poisson(2.0, (4, 50, 6))
    ds = of_counts(counts)
    result = metrics.recurrence(ds, "active", 10)
    xr.testing.assert_equal(result, metrics.recurrence(of_counts(counts[:, ::-1]), "active", 10))
    other = of_counts(rng.poisson(2.0, (4, 50, 6))).assign_coords(subject=["other"])
    crowd = xr.concat([other, ds], dim="subject")
    halved = [metrics.thinned_halves(one) for one in (ds, crowd)]
    alone, together = (metrics.recurrence(one, "active", 10) for one in halved)
    xr.testing.assert_equal(together.sel(subject=["m"]), alone)


def test_halves_by_coin_are_poisson_and_independent(rng):
    ds = metrics.thinned_halves(of_counts(rng.poisson(3.0, (2, 4000, 5))))
    halves = ds["rate_half"] * ds["occupancy_half"]
    xr.testing.assert_allclose(halves.sum("half"), ds["rate"])
    first, second = halves.values.reshape(-1, 2).T
    assert abs(np.corrcoef(first, second)[0, 1]) < 4 / np.sqrt(first.size)
    assert abs(first.var() / first.mean() - 1) < 4 * np.sqrt(2 / first.size)
    with pytest.raises(RefusedInputError, match="whole numbers"):
        metrics.thinned_halves(ds.assign(rate=ds["rate"] * 0.7))


def test_recurrence_of_a_top_k_layer_is_the_overlap_of_the_theory(rng):
    units, fraction, decay, sessions = 6000, 0.1, 0.9, 5
    drives, rates = rng.standard_normal(units), []
    runs = []
    for _run in range(30):
        drives, rates = rng.standard_normal(units), []
        for _session in range(sessions):
            drives = decay * drives + np.sqrt(1 - decay**2) * rng.standard_normal(units)
            limit = np.sort(drives)[-round(fraction * units)]
            rates.append(np.where(drives >= limit, drives - norm.isf(fraction) + 1, 0.0))
        ds = of_flags(np.maximum(rates, 0))
        result = metrics.recurrence(ds, "active")["recurrence"]
        runs.append(metrics.curve_by_lag(result, ds["elapsed"]).values[0])
    runs = np.array(runs)
    theory = active_set_overlap(1.0, fraction, decay ** np.arange(1, sessions))
    error = runs.std(axis=0, ddof=1) / np.sqrt(len(runs))
    assert (np.abs(runs.mean(axis=0) - theory) < 3 * error).all()


def test_units_of_a_field_are_those_of_the_rule():
    run = drift.wandering_fields((1,), sessions=3, units=10)
    assert float(metrics.recurrence(run, "field")["recurrence"][0, 1, 2]) == 1
    fields = metrics.place_fields(run["rate"], least_rate=0.6)
    strict = metrics.recurrence(run.assign(fields), "field").isel(subject=0, session=1)
    assert float(strict["shared_members"].isel(session_other=1)) < 10


@pytest.mark.slow
def test_recurrence_of_a_real_mouse(data_folder):
    import data_adapters

    path = data_folder("zivlab_multiday") / "C6_M4" / "Environment A"
    recorded = data_adapters.sessions("sheintuch2023", str(path))
    measured = drift.measure(drift.counted_events(recorded))
    result = metrics.recurrence(measured, "active", 10)["recurrence"]
    curve = metrics.curve_by_lag(result, measured["elapsed"]).isel(subject=0)
    known = [0.776, 0.752, 0.747, 0.754, 0.777, 0.782, 0.787]
    np.testing.assert_allclose(curve.values, known, atol=0.02)
    shares = metrics.recurrence(metrics.thinned_halves(measured), "active", 10)
    between, noise, base = (
        metrics.curve_by_lag(shares[name], measured["elapsed"])
        for name in ("recurrence_of_halves", "recurrence_by_noise", "base_rate_of_halves")
    )
    assert (noise > between + 0.05).all() and (between > base + 0.1).all()
    moved = metrics.field_shift(metrics.place_fields(measured["rate"]))
    jumps, chance = (moved[name].max().item() for name in ("jumps", "jumps_by_chance"))
    assert jumps < chance
