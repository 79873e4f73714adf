"""A linear model whose rows share what is random: several random terms in one row, rows of
subjects that are independent of each other, fitted by restricted maximum likelihood."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
START = 0.3  # standard deviation of a random term over that of a row, where the search begins
MOST = 1e3  # and the largest that it may end with: rows without noise of their own
SINGULAR = 1e-10  # share of the largest eigenvalue below which there is nothing


class Rows(NamedTuple):
    """Rows of all subjects, as many for each of them as the longest has: zeros behind the others.

    Attributes
    ----------
    response : numpy.ndarray
        (subject, row) y.
    fixed : numpy.ndarray
        (subject, row, term) X.
    random : numpy.ndarray
        (subject, row, effect) Z, how often a row has a random effect: several in one row where it
        belongs to several, such as both sessions of a pair.
    component : numpy.ndarray
        (effect) number of the variance component of an effect.
    size : int
        Rows that are not padding.
    """

    response: Array
    fixed: Array
    random: Array
    component: NDArray[np.int64]
    size: int


class Fit(NamedTuple):
    """A fitted model.

    Attributes
    ----------
    coefficients : numpy.ndarray
        (term) b.
    variance : float
        Of what a row has alone.
    ratios : numpy.ndarray
        (component) variance of its effects over that of a row.
    information : numpy.ndarray
        (subject, term, term) C_k = X_k' V_k^-1 X_k, V_k in units of ``variance``.
    projection : numpy.ndarray
        (subject, term, row) X_k' V_k^-1.
    """

    coefficients: Array
    variance: float
    ratios: Array
    information: Array
    projection: Array

    @property
    def covariance(self) -> Array:
        """(term, term) of the coefficients, if the random terms are what the model says."""
        return self.variance * np.linalg.inv(self.information.sum(axis=0))


def fitted(rows: Rows) -> Fit:
    """Fit y_k = X_k b + Z_k u_k + e_k, u_kj ~ N(0, r_c(j) v), e ~ N(0, v), by restricted maximum
    likelihood.

    With V_k = 1 + Z_k R Z_k', R the ratios r of the effects and N rows of p terms, minimised over r
    is

        sum_k log det V_k + log det sum_k X_k' V_k^-1 X_k + (N - p) log (sum_k e_k' V_k^-1 e_k),

    by the products of rows alone, det V = det(1 + S Z'Z S) and V^-1 = 1 - Z S (1 + S Z'Z S)^-1 S Z'
    with S^2 = R, whose cost does not grow with the number of rows.

    References
    ----------
    Patterson & Thompson 1971, Biometrika 58:545; Browne, Goldstein & Rasbash 2001, Stat Modelling
    1:103 (rows that are members of several units).
    """
    from scipy.optimize import minimize

    products = _Products.of(rows)
    components = int(rows.component.max(initial=-1)) + 1
    best = minimize(
        lambda scale: products.criterion(scale),
        np.full(components, START),
        method="L-BFGS-B",
        bounds=[(0.0, MOST)] * components,
        options={"ftol": 1e-13, "gtol": 1e-8, "maxiter": 200},
    )
    return products.fit(best.x, rows)


class _Products(NamedTuple):
    """Sums over rows, of which the likelihood is made: (subject, effect, effect), (subject, effect,
    term + 1) and (subject, term + 1, term + 1), the response behind the terms."""

    random: Array
    mixed: Array
    both: Array
    component: NDArray[np.int64]
    free: int  # rows more than terms

    @classmethod
    def of(cls, rows: Rows) -> _Products:
        both = np.concatenate([rows.fixed, rows.response[..., np.newaxis]], axis=-1)
        turned = rows.random.swapaxes(-1, -2)
        free = rows.size - rows.fixed.shape[-1]
        products = turned @ rows.random, turned @ both, both.swapaxes(-1, -2) @ both
        return cls(*products, rows.component, free)

    def whitened(self, scale: Array) -> tuple[Array, float]:
        """(subject, term + 1, term + 1) products with V^-1 between, and log det V."""
        each = scale[self.component]
        inner = each[:, np.newaxis] * self.random * each + np.eye(each.size)
        lower = np.linalg.cholesky(inner)
        reduced = np.linalg.solve(lower, each[:, np.newaxis] * self.mixed)
        diagonal = np.diagonal(lower, axis1=-2, axis2=-1)
        return self.both - reduced.swapaxes(-1, -2) @ reduced, 2 * float(np.log(diagonal).sum())

    def criterion(self, scale: Array) -> float:
        """Minus twice the restricted log likelihood, less what does not depend on the ratios."""
        products, determinant = self.whitened(scale)
        total = products.sum(axis=0)
        left = _left(total, self.both[..., -1, -1].sum())
        information = np.linalg.slogdet(total[:-1, :-1])[1]
        return float(determinant + information + self.free * np.log(left))

    def fit(self, scale: Array, rows: Rows) -> Fit:
        """The model with these ratios."""
        products, _ = self.whitened(scale)
        total = products.sum(axis=0)
        coefficients = np.linalg.solve(total[:-1, :-1], total[:-1, -1])
        each = scale[self.component]
        inner = each[:, np.newaxis] * self.random * each + np.eye(each.size)
        carried = np.linalg.solve(inner, each[:, np.newaxis] * self.mixed[..., :-1])
        shared = (rows.random * each) @ carried
        projection = (rows.fixed - shared).swapaxes(-1, -2)
        variance = _left(total, self.both[..., -1, -1].sum()) / self.free
        return Fit(coefficients, variance, scale**2, products[:, :-1, :-1], projection)


def _left(total: Array, power: float) -> float:
    """What the terms leave of the response; not less than rounding leaves of its ``power``."""
    explained = total[-1, :-1] @ np.linalg.solve(total[:-1, :-1], total[:-1, -1])
    return float(max(total[-1, -1] - explained, 1e-14 * power, np.finfo(float).tiny))


class Robust(NamedTuple):
    """How far subjects agree on the coefficients of a model.

    Attributes
    ----------
    bread : numpy.ndarray
        (term, term) inverse of the information of all subjects.
    adjustment : numpy.ndarray
        (subject, term, term) of the scores of a subject.
    degrees : numpy.ndarray
        (term) of freedom of the standard errors.
    """

    bread: Array
    adjustment: Array
    degrees: Array

    @classmethod
    def of(cls, information: Array) -> Robust:
        """Of the information of each subject, (subject, term, term).

        The scores g_k = X_k' V_k^-1 e_k of the fitted model vary by C_k - C_k B C_k, B = (sum_k
        C_k)^-1, less than those of the true one. With S_k (C_k - C_k B C_k) S_k' = C_k the sum over
        subjects of (B S_k g_k) (B S_k g_k)' has the right mean if the model is right, and is
        consistent for many subjects whatever the rows of a subject have in common; its degrees of
        freedom are those of Satterthwaite. Of subjects with one design it is Student's of their own
        coefficients.

        References
        ----------
        Bell & McCaffrey 2002, Survey Methodology 28:169; Pustejovsky & Tipton 2018, J Bus Econ
        Stat 36:672.
        """
        bread = np.linalg.inv(information.sum(axis=0))
        root, inverse_root = _powers(information, 0.5), _powers(information, -0.5)
        shrunk = np.eye(len(bread)) - root @ bread @ root
        adjustment = root @ _powers(shrunk, -0.5) @ inverse_root
        return cls(bread, adjustment, _degrees(information, bread, bread @ adjustment))

    def judged(self, scores: Array, information: Array) -> tuple[Array, Array]:
        """Coefficients and their standard errors, (..., term), from the scores X_k' V_k^-1 y_k,
        (..., subject, term)."""
        coefficients = scores.sum(axis=-2) @ self.bread
        expected = np.einsum("kab,...b->...ka", information, coefficients)
        apart = np.einsum("kab,...kb->...ka", self.bread @ self.adjustment, scores - expected)
        return coefficients, np.sqrt((apart**2).sum(axis=-2))


def _powers(matrices: Array, power: float) -> Array:
    """Of symmetric matrices without negative eigenvalues; what is singular stays so."""
    values, vectors = np.linalg.eigh((matrices + matrices.swapaxes(-1, -2)) / 2)
    largest = np.maximum(values[..., -1:], np.finfo(float).tiny)
    some = values > SINGULAR * largest
    powers = np.where(some, np.where(some, values, 1.0) ** power, 0.0)
    return (vectors * powers[..., np.newaxis, :]) @ vectors.swapaxes(-1, -2)


def _degrees(information: Array, bread: Array, weights: Array) -> Array:
    """(term) (tr O)^2 / tr O^2 of the covariance O over subjects of the deviations of which a
    standard error is made."""
    crossed = np.einsum(
        "kab,kbc,cd,lde,lfe->kalf", weights, information, bread, information, weights
    )
    own = np.einsum("kab,kbc,kac->ka", weights, information, weights)
    subjects = np.arange(len(information))
    degrees = np.empty(len(bread))
    for term in range(len(bread)):
        covariance = -crossed[:, term, :, term]
        covariance[subjects, subjects] += own[:, term]
        degrees[term] = np.trace(covariance) ** 2 / max((covariance**2).sum(), 1e-300)
    return degrees
