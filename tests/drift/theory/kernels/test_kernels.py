"""Kernels of one layer: tables of published and derived values, independent forms, limits,
derivatives, what is refused."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate

from drift.errors import RefusedInputError
from drift.theory import kernels as k
from drift.theory.kernels import moments as kernel_moments
from drift.theory.kernels.references import angular_kappa, owen_joint_activation, owen_kappa

C = np.array([-0.5, 0.0, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999])
KAPPA = {  # table U, kappa(c) / k1
    0.5: "0.10899778 .31830989 .45330988 .60899778 .78800211 .90953840 .99030026 .99900949",
    0.3: ".02876548 .18105575 .31282913 .48603977 .70774241 .87086217 .98566620 .99852192",
    0.2: ".00981114 .11752711 .23632224 .41038653 .65305419 .84284445 .98213294 .99814538",
    0.1: ".00150871 .05699291 .14846213 .31062597 .57227678 .79862483 .97625028 .99751031",
    0.05: ".00022453 .02792067 .09428452 .23708721 .50369327 .75796904 .97049783 .99688033",
    0.01: ".00000248 .00542474 .03360270 .12896890 .37833471 .67404063 .95748395 .99542559",
    0.001: "0 .00053065 .00789916 .05534296 .25500198 .57337926 .93949988 .99335410",
}
OVERLAP = {  # table O, L(c) / f
    0.5: ".33333333 .50000000 .58043062 .66666667 .76994654 .85643371 .95494659 .98576356",
    0.2: ".04218890 .20000000 .30698121 .43575283 .60286223 .74966219 .92100504 .97502505",
    0.1: ".00738601 .10000000 .19333522 .32401523 .51242852 .68864940 .90103893 .96869060",
    0.05: ".00119622 .05000000 .12285729 .24378858 .44019497 .63735526 .88378973 .96320388",
    0.01: ".00001481 .01000000 .04375151 .12939244 .31706512 .54197093 .85018425 .95246675",
    0.001: ".00000002 .00100000 .01026329 .05425917 .20526087 .44066632 .81138135 .93996972",
}
KEPT = {
    0.2: ".02785960 .17992364 .30552373 .46692100 .67321899 .83172235 .96472383 .99089115",
    0.1: ".00559968 .09479440 .19787770 .35078041 .57113596 .75964342 .94051359 .98319052",
    0.01: ".00001302 .00986549 .04511717 .13804796 .34432038 .58357083 .87828554 .96330083",
    0.5: KAPPA[0.5],
}
ANGLES = np.linspace(0.0, np.pi, 202)[:-1]
VARIANTS = ("subtract", "keep", "binary")


def row(text: str) -> np.ndarray:
    return np.array(text.split(), dtype=float)


@pytest.mark.parametrize("f", KAPPA)
def test_k04_kernel_table(f: float):
    np.testing.assert_allclose(
        k.kappa(C, f) / k.mean_square_activity(f), row(KAPPA[f]), rtol=0, atol=1e-8
    )


@pytest.mark.parametrize("f", OVERLAP)
def test_k05_overlap_table(f: float):
    np.testing.assert_allclose(k.joint_activation(C, f) / f, row(OVERLAP[f]), rtol=0, atol=1e-8)


@pytest.mark.parametrize("f", KEPT)
def test_k05_kept_values(f: float):
    np.testing.assert_allclose(
        k.kappa(C, f, "keep") / k.kappa(1.0, f, "keep"), row(KEPT[f]), rtol=0, atol=1e-8
    )


@pytest.mark.parametrize(
    ("f", "tolerance"),
    [(0.4999, 2e-12), (0.499, 2e-12), (0.49, 2e-12)]
    + [(f, 2e-13) for f in (0.3, 0.274, 0.2, 0.1, 0.05, 0.01)],
)
def test_k02_integrals_agree_with_owens_t(f: float, tolerance: float):
    """The row allows 1e-9 and, for f <= .3, 1e-11."""
    c, square = np.cos(ANGLES), k.mean_square_activity(f)
    np.testing.assert_allclose(
        k.kappa(c, f) / square, owen_kappa(c, f) / square, rtol=0, atol=tolerance
    )
    np.testing.assert_allclose(
        k.joint_activation(c, f) / f, owen_joint_activation(c, f) / f, rtol=0, atol=tolerance
    )


def test_k02_where_owens_t_cancels():
    c, square = np.cos(ANGLES), k.mean_square_activity(0.001)
    np.testing.assert_allclose(
        k.kappa(c, 0.001) / square, owen_kappa(c, 0.001) / square, rtol=0, atol=1e-11
    )


@pytest.mark.parametrize(("f", "tolerance"), [(0.3, 3e-9), (0.01, 1e-6), (0.001, 2e-5)])
def test_k03_angular_form(f: float, tolerance: float):
    square = k.mean_square_activity(f)
    for c in np.cos(ANGLES)[::5]:
        assert abs(angular_kappa(c, f) - k.kappa(c, f)) < tolerance * square


def test_k06_half_active_layer_is_the_arc_cosine_kernel():
    """To 1e-15 where the row allows 5e-14."""
    exact = ((np.pi - ANGLES) * np.cos(ANGLES) + np.sin(ANGLES)) / (2 * np.pi)
    np.testing.assert_allclose(k.kappa(np.cos(ANGLES), 0.5), exact, rtol=0, atol=1e-15)
    assert k.threshold(0.5) == 0 and not np.signbit(
        k.threshold(0.5)
    )  # by definition, not by a quantile
    assert [k.mean_square_activity(0.5), k.kappa(1.0, 0.5)] == pytest.approx([0.5, 0.5], rel=1e-15)


@pytest.mark.parametrize("f", [0.7, 0.5, 0.3, 0.1, 0.01])
def test_k06_power_series(f: float):
    c = np.linspace(-0.9, 0.9, 37)
    series = np.polynomial.polynomial.polyval(c, k.power_series(f, 400))
    np.testing.assert_allclose(series, k.kappa(c, f), rtol=0, atol=1e-12)
    if f <= 0.5:
        np.testing.assert_allclose(series, owen_kappa(c, f), rtol=0, atol=1e-12)
    assert (k.power_series(f, 400) >= 0).all()


@pytest.mark.parametrize("f", [0.8, 0.5, 0.3, 0.05, 0.001])
def test_k08_derivatives(f: float):
    c, step = np.linspace(-0.95, 0.95, 39), 1e-4

    def slope(function: object) -> np.ndarray:
        nodes = [function(c + gap * step, f) for gap in (-2, -1, 1, 2)]
        return (nodes[0] - 8 * nodes[1] + 8 * nodes[2] - nodes[3]) / (12 * step)

    np.testing.assert_allclose(slope(k.kappa), k.joint_activation(c, f), rtol=0, atol=1e-8)
    np.testing.assert_allclose(
        slope(k.joint_activation), k.kappa_curvature(c, f), rtol=0, atol=1e-8
    )


@pytest.mark.parametrize("f", [0.6, 0.9, 0.99])
def test_k08_more_than_half_active(f: float):
    """Reflection of 2.3 and direct quadrature of the definition."""
    t = -k.threshold(f)
    reflected = C + t * t - 2 * C * (1 - f) + 2 * t * k.mean_activity(1 - f) + k.kappa(C, 1 - f)
    np.testing.assert_allclose(k.kappa(C, f), reflected, rtol=1e-14)
    for c in (-0.5, 0.25, 0.9):
        for variant in VARIANTS:
            assert k.kappa(c, f, variant) == pytest.approx(by_quadrature(c, f, variant), rel=1e-9)


def test_all_units_active():
    assert k.threshold(1.0) == -np.inf and k.mean_activity(1.0) == np.inf == k.mean_square_activity(
        1.0
    ) == k.kappa(0.3, 1.0)
    np.testing.assert_allclose(k.kappa(C, 1.0, "keep"), C, atol=1e-15)
    np.testing.assert_allclose(k.joint_activation(C, 1.0), 1.0, rtol=1e-15)
    np.testing.assert_allclose(k.shortfall(C, 1.0), 1 - C, rtol=1e-15)


def by_quadrature(c: float, f: float, variant: str = "subtract") -> float:
    """E over u of the conditional mean of v given u, in closed form."""
    tau, spread = k.threshold(f), np.sqrt(1 - c * c)
    density, tail = (
        lambda t: np.exp(-t * t / 2) / np.sqrt(2 * np.pi),
        lambda t: 1 - 0.5 * (1 + mpmath.erf(t / np.sqrt(2))),
    )

    def inner(u: float) -> float:
        x = (tau - c * u) / spread
        active = float(tail(x))
        kept = c * u * active + spread * density(x)
        answer, mean = {
            "subtract": (u - tau, kept - tau * active),
            "keep": (u, kept),
            "binary": (1.0, active),
        }[variant]
        return answer * mean * density(u)

    return integrate.quad(
        inner, tau, max(tau, 0) + 12, epsabs=1e-16, epsrel=1e-12, limit=400, points=[tau + 0.5]
    )[0]


@pytest.mark.parametrize("f", [0.5, 0.3, 0.1, 0.01, 0.001])
def test_k10_adaptive_quadrature(f: float):
    for c in C:
        assert abs(by_quadrature(c, f) - k.kappa(c, f)) < 1e-11 * k.mean_square_activity(f)


NEAR_HALF = {
    "subtract": 2e-12,
    "keep": 2e-12,
    "binary": 1e-5,
}  # the foot of the kernel at c = -1 is narrower than a cell


@pytest.mark.parametrize("f", [0.4999, 0.48, 0.45, 0.5, 0.3, 0.1, 0.01, 0.001, 0.7])
@pytest.mark.parametrize("variant", VARIANTS)
def test_k09_table(f: float, variant: str, rng: np.random.Generator):
    c = np.cos(rng.uniform(0, np.pi, 20_000))
    tolerance = NEAR_HALF[variant] if 0 < abs(f - 0.5) < 0.05 else 2e-13
    errors = abs(k.kernel_table(f, variant)(c) - k.kappa(c, f, variant)) / k.kappa(1.0, f, variant)
    assert errors.max() < tolerance


def test_table_keeps_shape_and_absent_values():
    table = k.kernel_table(0.1)
    matrix = np.array([[1.0, 0.5, np.nan], [-1.0, 0.0, 1.0 + 1e-12]])
    np.testing.assert_allclose(table(matrix), k.kappa(matrix, 0.1), atol=1e-15)
    assert np.isnan(table(matrix)[0, 2]) and table(0.5).shape == ()
    with pytest.raises(RefusedInputError, match=r"\[-1, 1\], got 1.1"):
        table(np.array([0.0, 1.1]))


def exact_moments(f: float) -> tuple[float, float, float]:
    with mpmath.workdps(40):
        fraction = mpmath.mpf(f)
        tau = mpmath.sqrt(2) * mpmath.erfinv(1 - 2 * fraction)
        density = mpmath.exp(-tau * tau / 2) / mpmath.sqrt(2 * mpmath.pi)
        mean, square = density - tau * fraction, (1 + tau * tau) * fraction - tau * density
        return float(mean), float(square), float(square - mean * mean)


@pytest.mark.parametrize(
    "f", [0.999, 0.7, 0.49, 0.3, 0.274, 0.2, 0.05, 0.01, 1e-3, 1e-4, 1e-6, 1e-9]
)
def test_moments_keep_their_digits(f: float):
    """The plain difference of k1 loses two digits at f = 1e-4."""
    found = k.mean_activity(f), k.mean_square_activity(f), kernel_moments.activity_variance(f)
    np.testing.assert_allclose(found, exact_moments(f), rtol=1e-14)


@pytest.mark.parametrize("f", [0.3, 1e-4])
def test_relative_accuracy_of_sparse_kernels(f: float):
    """Against 30 digits, for c >= 0: the row's best form is good to 1e-12."""
    with mpmath.workdps(30):
        tau = mpmath.sqrt(2) * mpmath.erfinv(1 - 2 * mpmath.mpf(f))
        for c in (0.0, 0.3, 0.9, 0.999):
            theta = mpmath.acos(c)

            def integrand(a: object, c: float = c) -> object:
                return (
                    (c - mpmath.cos(a)) * mpmath.exp(-tau * tau / (1 + mpmath.cos(a)))
                    if 1 + mpmath.cos(a) > 1e-20
                    else 0
                )

            exact = mpmath.quad(integrand, mpmath.linspace(theta, mpmath.pi, 9)) / (2 * mpmath.pi)
            assert abs(k.kappa(c, f) / exact - 1) < 1e-13


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("f", [0.7, 0.5, 0.3, 0.2, 0.01])
def test_gradients_by_correlation_and_active_fraction(variant: str, f: float):
    c = torch.tensor([-0.8, 0.3, 0.95], dtype=torch.float64, requires_grad=True)
    fraction = torch.tensor([[f]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda c, f: k.kappa(c, f, variant), (c, fraction), eps=1e-7, atol=1e-6
    )
    assert torch.autograd.gradgradcheck(
        lambda c, f: k.kappa(c, f, variant), (c, fraction), eps=1e-6, atol=1e-4
    )


def test_gradient_is_finite_on_the_diagonal():
    c = torch.ones(3, dtype=torch.float64, requires_grad=True)
    k.kappa(c, 0.1).sum().backward()
    np.testing.assert_allclose(c.grad, 0.1, rtol=1e-14)


@pytest.mark.parametrize("name", ["threshold", "mean_activity", "mean_square_activity"])
def test_gradients_of_moments(name: str):
    fraction = torch.tensor([0.01, 0.1, 0.27, 0.3, 0.6], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(getattr(k, name), (fraction,), eps=1e-7, atol=1e-5)


def test_numpy_and_torch_agree(rng: np.random.Generator):
    c, f = rng.uniform(-1, 1, (40, 1)), np.array([0.9, 0.5, 0.3, 0.1, 0.001])
    for variant in VARIANTS:
        tensor = k.kappa(torch.from_numpy(c), torch.from_numpy(f), variant)
        assert tensor.dtype == torch.float64 and tensor.shape == (40, 5)
        np.testing.assert_allclose(tensor, k.kappa(c, f, variant), rtol=1e-13, atol=1e-15)
    for name in ("threshold", "mean_activity", "mean_square_activity"):
        np.testing.assert_allclose(
            getattr(k, name)(torch.from_numpy(f)), getattr(k, name)(f), rtol=1e-13, atol=1e-16
        )
    np.testing.assert_allclose(
        k.power_series(torch.from_numpy(f), 9), k.power_series(f, 9), rtol=1e-12, atol=1e-16
    )


@settings(max_examples=50)
@given(
    st.integers(2, 12),
    st.integers(1, 6),
    st.floats(1e-4, 0.99),
    st.sampled_from(VARIANTS),
    st.integers(0, 2**31),
)
def test_positive_semidefinite(points: int, dims: int, f: float, variant: str, seed: int):
    x = np.random.default_rng(seed).normal(size=(points, dims))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    kernel = k.kappa(x @ x.T, f, variant) / k.kappa(1.0, f, variant)
    # A rounding error of 1e-16 in c = 1 changes L(c) by its square root.
    rounding = 1e-13 if variant == "subtract" else 1e-5 * points
    assert np.linalg.eigvalsh(kernel)[0] > -rounding


def test_sparse_limit():
    """kappa(0) / k1 tends to f / 2: ratio 1.06 at 1e-3, 1.03 at 1e-6."""
    for f, ratio in ((1e-3, 1.06), (1e-6, 1.03)):
        assert 2 * k.kappa(0.0, f) / k.mean_square_activity(f) / f == pytest.approx(
            ratio, abs=0.005
        )


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: k.kappa(1.5, 0.1), r"correlation must lie in \[-1, 1\], got 1.5"),
        (lambda: k.kappa(0.5, 0.0), r"active_fraction must lie in \(0, 1\], got 0:"),
        (lambda: k.threshold(1.2), r"active_fraction must lie in \(0, 1\], got 1.2"),
        (
            lambda: k.kappa(0.5, 0.1, "graded"),
            "variant 'graded' is unknown: use one of subtract, keep, binary",
        ),
        (lambda: k.power_series(0.1, 0), "terms must be a whole number from 1, got 0"),
        (lambda: k.kernel_table(1.0), "between 0 and 1, both excluded, got 1.0"),
        (lambda: k.power_series(1.0, 3), "active_fraction 1 has no threshold"),
        (lambda: k.power_series(0.1, np.inf), "terms must be a whole number from 1, got inf"),
        (lambda: k.kappa("a", 0.1), "correlation must be numbers, got 'a'"),
        (
            lambda: k.kappa(np.ones(2), np.full(3, 0.1)),
            r"active_fraction must be numbers that fit the shape \(2,\) of correlation, got "
            r"shape \(3,\)",
        ),
        (lambda: k.kappa(0.1, 0.1, ["a"]), "is unknown: use one of"),
        (lambda: k.kappa(0.1, np.nan), r"active_fraction must lie in \(0, 1\], got nan"),
        (
            lambda: k.kappa(np.array([np.nan, 2.0]), 0.1),
            r"correlation must lie in \[-1, 1\], got 2:",
        ),
        (lambda: k.kappa(torch.tensor([2.0]), 0.1), "correlation must lie"),
    ],
)
def test_refusals(call: object, sentence: str):
    with pytest.raises(RefusedInputError, match=sentence):
        call()


def test_absent_correlations_stay_absent():
    np.testing.assert_array_equal(np.isnan(k.kappa(np.array([np.nan, 0.5]), 0.1)), [True, False])
