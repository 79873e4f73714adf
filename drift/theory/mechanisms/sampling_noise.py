"""Drift by the noise of single samples in a linear network with two layers and weight decay.

The loss of every sample, decay included, stays the same where all hidden units are rotated, W ->
R W and V -> V R^T. So no sample pushes the weights along the manifold of least loss: to first order
they only fluctuate around it. They move along it because rotations do not commute with these
fluctuations. Let n be the deviation from the manifold, A a generator of rotations and A w its
effect on weights w; then <A (w + n), gradient> = 0 for each sample, and the angles change by

    d theta = - G^-1 <A n, dn>,   G_ab = <A_a w, A_b w>,

the area that the fluctuation encloses. Deviations along the eigenvectors of the Hessian relax at
k_i = eta h_i and are kicked with covariance Q = eta^2 cov(gradient) in each step; their area is a
martingale up to bounded terms, and grows per step by

    R_ab = sum_{ii'jj'} C_ii' (2 k_i / (k_i + k_j)) (2 k_i' / (k_i' + k_j')) A_a,ij A_b,i'j' Q_jj',

with C_ij = Q_ij / (k_i + k_j). The covariance of the angles grows by G^-1 R G^-1 per step, of order
eta^3. Pashakhanloo & Koulakov (2023) split the same problem into normal fluctuation and tangential
diffusion; this derivation is our own, for any finite set of samples, and is held against
simulations that share no code with it.
"""

from __future__ import annotations

import itertools
from typing import Annotated, NamedTuple

import numpy as np
from scipy.optimize import minimize

from drift.door import opened
from drift.door.quantities import Axes, Positive
from drift.errors import RefusedInputError

FLAT = 1e-7  # eigenvalues of the Hessian below this share of the largest belong to rotations
LEAST_GRADIENT = 1e-7
Inputs = Annotated[np.ndarray, Axes("sample", "input")]
Targets = Annotated[np.ndarray, Axes("sample", "output")]
OfSamples = Annotated[np.ndarray, Axes("sample")]


class TwoLayerProblem(NamedTuple):
    """What the network learns: sum_s p_s |y_s - V W x_s|^2 / outputs + weight_decay / 2 (|W|^2 +
    |V|^2)."""

    inputs: np.ndarray  # (sample, input), with a column of ones where units have a bias
    targets: np.ndarray  # (sample, output)
    probabilities: np.ndarray  # (sample,)
    weight_decay: float


class LearnedWeights(NamedTuple):
    """Weights of least loss."""

    inward: np.ndarray  # W (unit, input)
    outward: np.ndarray  # V (output, unit)

    @property
    def flat(self) -> np.ndarray:
        """All weights in a row."""
        return np.concatenate([self.inward.ravel(), self.outward.ravel()])


def two_layer_problem(
    inputs: np.ndarray, targets: np.ndarray, probabilities: np.ndarray | None, weight_decay: float
) -> TwoLayerProblem:
    """Return the problem of units with a bias, checked."""
    samples = len(inputs)
    shares = np.full(samples, 1 / samples) if probabilities is None else np.asarray(probabilities)
    if len(shares) != samples or (shares < 0).any() or abs(shares.sum() - 1) > 1e-6:
        raise RefusedInputError(
            f"probabilities must be {samples} numbers, none negative, of sum 1, got "
            f"{shares.size} of sum {shares.sum():g}: divide each by their sum."
        )
    return TwoLayerProblem(
        np.column_stack([inputs, np.ones(samples)]), targets, shares, weight_decay
    )


def loss_and_gradient(
    flat: np.ndarray, problem: TwoLayerProblem, units: int
) -> tuple[float, np.ndarray]:
    """Return the mean loss and its gradient, both over all weights in a row."""
    inward, outward = _split(flat, problem, units)
    hidden = problem.inputs @ inward.T
    error = hidden @ outward.T - problem.targets
    outputs, shares = error.shape[1], problem.probabilities[:, np.newaxis]
    back = 2 / outputs * shares * error
    gradient = np.concatenate(
        [((back @ outward).T @ problem.inputs).ravel(), (back.T @ hidden).ravel()]
    )
    loss = float((shares * error**2).sum() / outputs + problem.weight_decay / 2 * flat @ flat)
    return loss, gradient + problem.weight_decay * flat


@opened
def least_loss_weights(
    inputs: Inputs,
    targets: Targets,
    units: int,
    weight_decay: Positive,
    probabilities: OfSamples | None = None,
) -> LearnedWeights:
    """Weights of least loss of a linear network with two layers, one of many that rotations of the
    hidden units make of each other.

    Parameters
    ----------
    inputs : numpy.ndarray
        (sample, input); units have a bias besides.
    targets : numpy.ndarray
        (sample, output).
    units : int
        Hidden units.
    weight_decay : float
        Of all weights and biases, above 0: without decay nothing moves where the targets are met.
    probabilities : numpy.ndarray, optional
        (sample,) how often each sample is shown, of sum 1; by default all alike.

    Returns
    -------
    LearnedWeights

    Raises
    ------
    RefusedInputError
        If probabilities are none, or no least loss is found.
    """
    problem = two_layer_problem(inputs, targets, probabilities, weight_decay)
    size = units * (problem.inputs.shape[1] + targets.shape[1])
    first = 0.3 * np.cos(np.arange(size) ** 2)  # without symmetry, the same every time
    options = {"maxiter": 100_000, "ftol": 0.0, "gtol": 1e-13, "maxcor": 50}
    answer = minimize(
        loss_and_gradient, first, (problem, units), jac=True, method="L-BFGS-B", options=options
    )
    if abs(answer.jac).max() > LEAST_GRADIENT:
        raise RefusedInputError(
            f"no least loss was found, the gradient stays at {abs(answer.jac).max():.2g}: choose a "
            "weight decay that leaves something of every stimulus, or scale inputs to about 1."
        )
    return LearnedWeights(*_split(answer.x, problem, units))


@opened
def sampling_drift_rate(
    inputs: Inputs,
    targets: Targets,
    units: int,
    learning_rate: Positive,
    weight_decay: Positive,
    probabilities: OfSamples | None = None,
) -> np.ndarray:
    """How fast single samples turn the response to each stimulus, E|h(t + 1) - h(t)|^2 / |h|^2 per
    step along the manifold of least loss.

    Without any other noise; for small learning rates, as learning_rate^3. Fluctuations around the
    manifold, which do not grow, are left out: compare with the slope of squared displacements at
    lags beyond 1 / (learning_rate x smallest curvature).

    Parameters
    ----------
    inputs, targets, units, weight_decay, probabilities
        As for ``least_loss_weights``.
    learning_rate : float
        eta of gradient descent on the mean squared error over outputs.

    Returns
    -------
    numpy.ndarray
        (sample,) per step.

    Raises
    ------
    RefusedInputError
        If probabilities are none, no least loss is found, or the step is too large to be stable.

    References
    ----------
    Derived here (see the module), after Pashakhanloo & Koulakov 2023, arXiv 2302.02563; sampled
    twin ``sampled_drift_rate``.
    """
    problem = two_layer_problem(inputs, targets, probabilities, weight_decay)
    learned = least_loss_weights(inputs, targets, units, weight_decay, probabilities)
    curvature, axes = np.linalg.eigh(_hessian(learned, problem))
    if learning_rate * curvature[-1] >= 2:
        raise RefusedInputError(
            f"a learning rate of {learning_rate:g} is beyond the edge of stability, got a "
            f"curvature of {curvature[-1]:.3g}: stay below {2 / curvature[-1]:.3g}."
        )
    steep = curvature > FLAT * curvature[-1]
    noise = axes[:, steep].T @ _gradient_covariance(learned, problem) @ axes[:, steep]
    rotations = _rotations(units)
    growth = _area_growth(
        [axes[:, steep].T @ _rotated(rotation, axes[:, steep], problem) for rotation in rotations],
        learning_rate * curvature[steep],
        learning_rate**2 * noise,
    )
    return _displacement(learned, problem, rotations, growth)


def _split(flat: np.ndarray, problem: TwoLayerProblem, units: int) -> tuple[np.ndarray, np.ndarray]:
    inputs, outputs = problem.inputs.shape[1], problem.targets.shape[1]
    return flat[: units * inputs].reshape(units, inputs), flat[units * inputs :].reshape(
        outputs, units
    )


def _jacobian(learned: LearnedWeights, problem: TwoLayerProblem) -> np.ndarray:
    """Slope of each output along all weights, (sample, output, weight)."""
    inward, outward = learned
    samples, outputs = problem.targets.shape
    of_inward = np.einsum("du,sj->sduj", outward, problem.inputs).reshape(samples, outputs, -1)
    hidden = problem.inputs @ inward.T
    of_outward = np.einsum("de,su->sdeu", np.eye(outputs), hidden).reshape(samples, outputs, -1)
    return np.concatenate([of_inward, of_outward], axis=2)


def _error(learned: LearnedWeights, problem: TwoLayerProblem) -> np.ndarray:
    return problem.inputs @ learned.inward.T @ learned.outward.T - problem.targets


def _hessian(learned: LearnedWeights, problem: TwoLayerProblem) -> np.ndarray:
    """Second derivatives of the mean loss along all weights."""
    slopes, error = _jacobian(learned, problem), _error(learned, problem)
    outputs, units = learned.outward.shape
    inputs, shares = problem.inputs.shape[1], problem.probabilities
    hessian = 2 / outputs * np.einsum("s,sda,sdb->ab", shares, slopes, slopes)
    mixed = 2 / outputs * np.einsum("s,sd,sj->dj", shares, error, problem.inputs)
    cross = np.einsum("dj,uv->ujdv", mixed, np.eye(units)).reshape(units * inputs, outputs * units)
    hessian[: units * inputs, units * inputs :] += cross
    hessian[units * inputs :, : units * inputs] += cross.T
    return hessian + problem.weight_decay * np.eye(len(hessian))


def _gradient_covariance(learned: LearnedWeights, problem: TwoLayerProblem) -> np.ndarray:
    """Covariance over samples of the gradient, whose mean is 0."""
    slopes, error = _jacobian(learned, problem), _error(learned, problem)
    each = 2 / error.shape[1] * np.einsum("sd,sda->sa", error, slopes)
    each = each + problem.weight_decay * learned.flat
    return np.einsum("s,sa,sb->ab", problem.probabilities, each, each)


def _rotations(units: int) -> list[np.ndarray]:
    """Generators of the rotations of the hidden units, each (unit, unit)."""
    rotations = []
    for first, second in itertools.combinations(range(units), 2):
        rotation = np.zeros((units, units))
        rotation[first, second], rotation[second, first] = 1.0, -1.0
        rotations.append(rotation)
    return rotations


def _rotated(rotation: np.ndarray, flat: np.ndarray, problem: TwoLayerProblem) -> np.ndarray:
    """What a generator makes of weights (weight, column): (A W, -V A)."""
    units, columns = len(rotation), flat.shape[1]
    inputs, outputs = problem.inputs.shape[1], problem.targets.shape[1]
    inward = flat[: units * inputs].reshape(units, inputs, columns)
    outward = flat[units * inputs :].reshape(outputs, units, columns)
    return np.concatenate(
        [
            np.einsum("uv,vjc->ujc", rotation, inward).reshape(-1, columns),
            np.einsum("dvc,uv->duc", outward, rotation).reshape(-1, columns),
        ]
    )


def _area_growth(generators: list[np.ndarray], rates: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """R: growth per step of the covariance of the areas, (generator, generator)."""
    covariance = noise / (rates[:, np.newaxis] + rates)
    share = 2 * rates[:, np.newaxis] / (rates[:, np.newaxis] + rates)
    # <A e_i, e_j>: row i is what is rotated
    areas = [generator.T * share for generator in generators]
    kicked = [area @ noise for area in areas]
    return np.array([[np.sum((covariance @ area) * kick) for area in areas] for kick in kicked])


def _displacement(
    learned: LearnedWeights,
    problem: TwoLayerProblem,
    rotations: list[np.ndarray],
    growth: np.ndarray,
) -> np.ndarray:
    """Relative squared displacement of each response per step."""
    moved = np.stack(
        [_rotated(rotation, learned.flat[:, np.newaxis], problem)[:, 0] for rotation in rotations]
    )
    inverse = np.linalg.pinv(moved @ moved.T, rcond=1e-8)
    angles = inverse @ growth @ inverse
    hidden = problem.inputs @ learned.inward.T
    turned = np.einsum("auv,sv->sau", np.array(rotations), hidden)
    squares = np.einsum("ab,sau,sbu->s", angles, turned, turned)
    return squares / np.square(hidden).sum(1)
