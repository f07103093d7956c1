"""Regression of a whole distribution: of what size a signal is expected to be on such a record.

A perceptron with one hidden layer, by full-batch Adam with early stopping on a fifth of the
records; features and values are standardised first. In Gaussian mode it predicts μ and ln σ and
minimises ln σ + (s − μ)² / 2σ²; otherwise it predicts quantiles and minimises the pinball loss
a·max(s − q, 0) + (1 − a)·max(q − s, 0), and quantiles that cross are sorted.

After Bertran, Tang, Kearns, Morgenstern, Roth, Wu 2023.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.core.seeds import derive, generator

if TYPE_CHECKING:
    import torch
    from torch import Tensor

HIDDEN = 32
MAX_STEPS = 300
PATIENCE = 30
"""Steps without a better loss on the held-out records after which training ends."""
LEARNING_RATE = 0.02
WEIGHT_DECAY = 1e-3
HELD_OUT_SHARE = 0.2
MAX_STANDARD = 1e3
"""Standardised features are clipped there."""

Loss = Callable[["Tensor", "Tensor"], "Tensor"]
Predict = Callable[[FloatArray], FloatArray]


def gaussian_loss(output: Tensor, values: Tensor) -> Tensor:
    """Return ln σ + (s − μ)² / 2σ² of each record, ``[n]``.

    Args:
        output: μ and ln σ, ``[n, 2]``.
        values: s, ``[n]``.
    """
    mean, log_deviation = output[:, 0], output[:, 1]
    return log_deviation + 0.5 * (values - mean) ** 2 * (-2 * log_deviation).exp()


def pinball_loss(output: Tensor, values: Tensor, levels: Tensor) -> Tensor:
    """Return the pinball loss of each record and level, ``[n, L]``.

    Args:
        output: quantiles, ``[n, L]``.
        values: s, ``[n]``.
        levels: a, ``[L]`` in [0, 1].
    """
    above = values[:, None] - output
    return levels * above.clamp(min=0) + (1 - levels) * (-above).clamp(min=0)


def fit_gaussian(features: FloatArray, values: FloatArray, seed: int) -> Predict:
    """Return a function from features ``[n, F]`` to μ and σ, float64 ``[n, 2]``.

    Args:
        features: float64 ``[Q, F]``, F ≥ 0.
        values: float64 ``[Q]``.
        seed: of initial weights and of the held-out part.
    """
    centre, scale = _scale_of(values)
    start = np.zeros(2)
    predict = _fit(features, (values - centre) / scale, gaussian_loss, start, seed)

    def moments(rows: FloatArray) -> FloatArray:
        output = predict(rows)
        deviation = np.exp(np.clip(output[:, 1], -10, 10))
        return np.stack([centre + scale * output[:, 0], scale * deviation], axis=1)

    return moments


def fit_quantiles(
    features: FloatArray, values: FloatArray, levels: FloatArray, seed: int
) -> Predict:
    """Return a function from features ``[n, F]`` to quantiles in rising order, ``[n, L]``.

    Args:
        features: float64 ``[Q, F]``, F ≥ 0.
        values: float64 ``[Q]``.
        levels: float64 ``[L]`` in [0, 1], ascending.
        seed: of initial weights and of the held-out part.
    """
    import torch

    centre, scale = _scale_of(values)
    standard = (values - centre) / scale
    at = torch.from_numpy(levels)
    predict = _fit(
        features,
        standard,
        lambda output, target: pinball_loss(output, target, at).sum(dim=1),
        np.quantile(standard, levels),
        seed,
    )
    return lambda rows: centre + scale * np.sort(predict(rows), axis=1)


def _scale_of(values: FloatArray) -> tuple[float, float]:
    """Return mean and standard deviation, 1 where values never change."""
    centre, spread = float(values.mean()), float(values.std())
    return centre, spread if spread > 1e-12 * max(1.0, abs(centre)) else 1.0


def _fit(
    features: FloatArray, values: FloatArray, loss: Loss, start: FloatArray, seed: int
) -> Predict:
    """Return the trained perceptron; its outputs begin at ``start``, float64 ``[outputs]``."""
    import torch

    centre, spread = features.mean(axis=0), features.std(axis=0)
    varied = spread > 1e-12 * np.maximum(1.0, np.abs(centre))
    if not varied.any():
        return lambda rows: np.tile(start, (len(rows), 1))

    def scale(rows: FloatArray) -> Tensor:
        standard = (rows - centre)[:, varied] / spread[varied]
        return torch.from_numpy(np.clip(standard, -MAX_STANDARD, MAX_STANDARD))

    order = generator(seed, "held-out part").permutation(len(values))
    held_out = max(1, round(HELD_OUT_SHARE * len(values)))
    inputs, targets = scale(features), torch.from_numpy(np.ascontiguousarray(values))
    kept, left = torch.from_numpy(order[held_out:]), torch.from_numpy(order[:held_out])
    if not len(kept):
        kept = left
    network = _perceptron(inputs.shape[1], start, seed)
    optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    best, best_loss, waited = _state(network), np.inf, 0
    for _ in range(MAX_STEPS):
        with torch.no_grad():
            current = float(loss(network(inputs[left]), targets[left]).mean())
        waited += 1
        if current < best_loss:
            best, best_loss, waited = _state(network), current, 0
        if waited > PATIENCE:
            break
        optimizer.zero_grad()
        torch.autograd.backward(loss(network(inputs[kept]), targets[kept]).mean())
        torch.nn.utils.clip_grad_norm_(network.parameters(), 10.0)
        optimizer.step()
    network.load_state_dict(best)

    def predict(rows: FloatArray) -> FloatArray:
        with torch.no_grad():
            return np.asarray(network(scale(rows)).numpy())

    return predict


def _perceptron(width: int, start: FloatArray, seed: int) -> torch.nn.Module:
    """Return a perceptron whose outputs begin near ``start``."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, "distribution regression"))
        hidden, output = torch.nn.Linear(width, HIDDEN), torch.nn.Linear(HIDDEN, len(start))
    with torch.no_grad():
        output.weight.mul_(0.1)
        output.bias.copy_(torch.from_numpy(start))
    return torch.nn.Sequential(hidden, torch.nn.Tanh(), output).double()


def _state(network: torch.nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}
