"""The model of pairs that belong to two sessions: against statsmodels, by hand, and in limits."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from drift.metrics.experience.mixed_model import Robust, Rows, fitted

SUBJECTS, SESSIONS = 6, 7


def pairs_of_sessions(rng: np.random.Generator) -> Rows:
    first, second = np.triu_indices(SESSIONS, k=1)
    member = np.zeros((first.size, 1 + SESSIONS))
    member[:, 0] = 1.0
    member[np.arange(first.size), 1 + first] = member[np.arange(first.size), 1 + second] = 1.0
    effects = rng.normal(0, 0.4, (SUBJECTS, 1 + SESSIONS)) * np.r_[2.0, np.ones(SESSIONS)]
    time = (second - first) + rng.normal(0, 0.3, (SUBJECTS, first.size))
    fixed = np.stack([np.ones_like(time), time], axis=-1)
    noise = rng.normal(0, 0.5, time.shape)
    response = 1.0 - 0.1 * time + effects @ member.T + noise
    random = np.tile(member, (SUBJECTS, 1, 1))
    component = np.r_[0, np.ones(SESSIONS, dtype=int)]
    return Rows(response, fixed, random, component, time.size)


def test_it_is_the_mixed_model_of_statsmodels(rng: np.random.Generator):
    """Two levels, subjects and sessions within them, each pair a member of two sessions."""
    models = pytest.importorskip("statsmodels.regression.mixed_linear_model")
    rows = pairs_of_sessions(rng)
    fit = fitted(rows)
    groups = np.repeat(np.arange(SUBJECTS), rows.response.shape[1])
    names = [[f"session {number}" for number in range(SESSIONS)]] * SUBJECTS
    sessions = models.VCSpec(["session"], [names], [list(rows.random[..., 1:])])
    of_subjects = np.ones((groups.size, 1))
    oracle = models.MixedLM(
        rows.response.ravel(), rows.fixed.reshape(-1, 2), groups, of_subjects, exog_vc=sessions
    ).fit(reml=True, method="lbfgs")
    np.testing.assert_allclose(fit.coefficients, oracle.fe_params, atol=1e-4)
    np.testing.assert_allclose(np.sqrt(np.diag(fit.covariance)), oracle.bse_fe, atol=1e-4)
    variances = [oracle.cov_re[0, 0], oracle.vcomp[0], oracle.scale]
    ours = fit.variance * np.array([*fit.ratios, 1.0])
    np.testing.assert_allclose(ours, variances, rtol=1e-3, atol=1e-4)


def test_balanced_groups_have_the_variances_of_their_mean_squares(rng: np.random.Generator):
    """A one-way layout has its estimates in closed form: v is the mean square within, the variance
    of groups that between less v, over their size."""
    groups, size = 8, 5
    values = rng.normal(0, 1.5, (groups, 1)) + rng.normal(size=(groups, size))
    ones = np.ones((groups, size, 1))
    fit = fitted(Rows(values, ones, ones, np.zeros(1, dtype=int), values.size))
    within = values.var(axis=1, ddof=1).mean()
    between = size * values.mean(axis=1).var(ddof=1)
    assert fit.coefficients == pytest.approx(values.mean())
    assert fit.variance == pytest.approx(within, rel=1e-4)
    assert fit.ratios[0] * fit.variance == pytest.approx((between - within) / size, rel=1e-4)


def test_without_random_effects_it_is_least_squares(rng: np.random.Generator):
    rows = pairs_of_sessions(rng)
    plain = Rows(rows.response, rows.fixed, np.zeros_like(rows.random), rows.component, rows.size)
    fit = fitted(plain)
    columns, response = rows.fixed.reshape(-1, 2), rows.response.ravel()
    expected, squares, *_ = np.linalg.lstsq(columns, response, rcond=None)
    np.testing.assert_allclose(fit.coefficients, expected)
    assert fit.variance == pytest.approx(squares[0] / (response.size - 2))


def test_subjects_of_one_design_are_judged_by_students_t(rng: np.random.Generator):
    """Standard error and degrees of freedom are those of the subjects' own coefficients."""
    rows = pairs_of_sessions(rng)
    alike = np.tile(rows.fixed[:1], (SUBJECTS, 1, 1))
    fit = fitted(Rows(rows.response, alike, rows.random, rows.component, rows.size))
    robust = Robust.of(fit.information)
    scores = np.einsum("kan,kn->ka", fit.projection, rows.response)
    coefficients, error = robust.judged(scores, fit.information)
    own = np.linalg.solve(fit.information, scores[..., np.newaxis])[..., 0]
    np.testing.assert_allclose(coefficients, own.mean(axis=0))
    np.testing.assert_allclose(error, stats.sem(own, axis=0))
    np.testing.assert_allclose(robust.degrees, SUBJECTS - 1)


def test_standard_errors_of_unlike_designs_have_the_right_mean(rng: np.random.Generator):
    """Subjects with 2 to 12 rows, 4000 draws of the model: variance estimates have the variance of
    the coefficients as their mean, within 4 of their standard errors."""
    counts = np.array([2, 3, 5, 8, 12])
    fixed, random = np.zeros((5, 12, 2)), np.ones((5, 12, 1))
    for subject, count in enumerate(counts):
        fixed[subject, :count] = np.column_stack([np.ones(count), rng.normal(size=count)])
        random[subject, count:] = 0.0
    shell = Rows(np.zeros((5, 12)), fixed, random, np.zeros(1, dtype=int), int(counts.sum()))
    some = rng.normal(size=(5, 12)) * (random[..., 0] > 0)
    fit = fitted(shell._replace(response=some + 0.7 * rng.normal(size=(5, 1)) * random[..., 0]))
    robust = Robust.of(fit.information)
    effects = np.sqrt(fit.ratios[0]) * rng.normal(size=(4000, 5, 1)) * random[..., 0]
    draws = rng.normal(size=(4000, 5, 12)) * random[..., 0] + effects
    scores = np.einsum("kan,dkn->dka", fit.projection, draws)
    _, error = robust.judged(scores, fit.information)
    squares = error**2
    expected = np.diag(robust.bread)
    doubt = squares.std(axis=0) / np.sqrt(len(squares))
    assert (np.abs(squares.mean(axis=0) - expected) < 4 * doubt).all()
