"""How often each attribution is optimal: names the neurons whose loss costs an input the most.

Attributions that cost an input equally much, such as those that name the same neurons, share it.
An input that loses nothing by any attribution counts for none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from imprint.core.arrays import FloatArray, IntArray

LEAST_GAIN = 1e-6
"""Rise of a float32 cross-entropy that is no rounding; also the distance of equal ones."""
MAX_LABELS = 20


@dataclass(frozen=True)
class OptimalRates:
    """How often each attribution is optimal.

    Attributes:
        methods: names of the attributions.
        by_label: share of inputs and scopes for each method, by class; what lacks to 1 loses
            nothing by any. Classes of most inputs.
        by_scope: share of inputs, by layer, or of the one scope ``model``.
    """

    methods: tuple[str, ...]
    by_label: Mapping[str, tuple[float, ...]]
    by_scope: Mapping[str, tuple[float, ...]]


def optimal_shares(gains: FloatArray) -> FloatArray:
    """Return the part that each method has in every input and scope, float64 of the same shape.

    >>> optimal_shares(np.array([[[0.2, 0.5, 0.5]], [[-1.0, 0.0, 0.0]]])).tolist()
    [[[0.0, 0.5, 0.5]], [[0.0, 0.0, 0.0]]]

    Args:
        gains: float64 ``[n, scopes, methods]``, rise of the loss without the neurons of a method.
    """
    most = gains.max(axis=2, keepdims=True)
    optimal = (gains >= most - LEAST_GAIN) & (most > LEAST_GAIN)
    return np.asarray(optimal / np.maximum(1, optimal.sum(axis=2, keepdims=True)))


def optimal_rates(
    gains: FloatArray,
    labels: IntArray,
    methods: Sequence[str],
    scopes: Sequence[str],
    classes: Sequence[str],
) -> OptimalRates:
    """Return how often each method is optimal, by class and by scope.

    Args:
        gains: float64 ``[n, scopes, methods]``.
        labels: int64 ``[n]``.
        methods: names.
        scopes: names.
        classes: names.
    """
    shares = optimal_shares(gains)
    numbers, counts = np.unique(labels, return_counts=True)
    largest = np.sort(numbers[np.argsort(-counts, kind="stable")[:MAX_LABELS]])
    return OptimalRates(
        tuple(methods),
        {
            classes[number]: tuple(shares[labels == number].mean(axis=(0, 1)).tolist())
            for number in largest.tolist()
        },
        {name: tuple(row) for name, row in zip(scopes, shares.mean(axis=0).tolist(), strict=True)},
    )
