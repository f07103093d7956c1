"""Networks of another activation with the same variances: matched Gaussian processes.

ReLU keeps the variance of an input through depth at W_std = √2 without biases, K¹ = … = Kᴸ⁺¹.
GELU and erf at the same W_std do not: a comparison of activations is then one of sizes. A network
of activation φ with W', the input scale s' and the biases of a given one is matched to it at the
mean square m of an input where

    W'² s'² m = W² s² m,   so that K¹ is the same,   and   Kᴸ⁺¹' = Kᴸ⁺¹, the prior of the output.

W' is unique: Kᴸ⁺¹' rises with it. Where the given network keeps its variance p, all layers are then
alike, W'² F_φ(p, p, p) + b² = p. Few activations are homogeneous, as ReLU is: inputs of another
length are matched before the first activation alone.

Ye, Borovykh, Hayou, Shokri, ICLR 2024, train GELU networks at W_std 1.9822 beside a process at √2.
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.core.progress import log
from imprint.lenses.leave_one_out.kernels.dual_activation import Activation
from imprint.lenses.leave_one_out.kernels.fc import FullyConnected

MAX_VARIANCE_CHANGE = 0.01
"""Relative change through depth that is not worth a word, as of leaky ReLU with its usual slope."""
_WIDEST = 2.0**40
"""No activation here needs weights so much wider or narrower."""


def matched(kernel: FullyConnected, activation: Activation, mean_square: float) -> FullyConnected:
    """Return the kernel of another activation that is matched to a kernel.

    >>> relu = FullyConnected(activation="relu", depth=5)
    >>> gelu = matched(relu, "gelu", mean_square=0.25)
    >>> [round(float(v), 12) for v in variances(gelu, 0.25)]
    [0.5, 0.5, 0.5, 0.5, 0.5, 0.5]

    Args:
        kernel: to be matched, of any activation.
        activation: of the kernel wanted.
        mean_square: m = |x|²/d of a typical input, above 0.

    Raises:
        ImprintError: a mean square that is not positive, or variances out of reach.
    """
    from scipy.optimize import brentq

    if not 0 < mean_square < math.inf:
        raise ImprintError(
            f"inputs of mean square {mean_square:g} match no networks: give inputs that are not 0"
        )
    wanted = math.log(float(variances(kernel, mean_square)[-1]))

    def candidate(logarithm: float) -> FullyConnected:
        factor = math.exp(logarithm)
        return replace(
            kernel,
            activation=activation,
            w_std=kernel.w_std * factor,
            input_scale=kernel.input_scale / factor,
        )

    def excess(logarithm: float) -> float:
        last = float(variances(candidate(logarithm), mean_square)[-1])
        return math.log(last) - wanted if 0 < last < math.inf else math.copysign(1e3, logarithm)

    edge = math.log(_WIDEST)
    if not excess(-edge) < 0 < excess(edge):
        raise ImprintError(
            f"no weights give {activation} the variances of {kernel.activation} with w_std "
            f"{kernel.w_std:g} and b_std {kernel.b_std:g}: choose a w_std nearer to 1"
        )
    return candidate(brentq(excess, -edge, edge, xtol=1e-15, rtol=1e-15))


def variances(kernel: FullyConnected, mean_square: float) -> Tensor:
    """Return K¹ … Kᴸ⁺¹ of an input with itself, float64 ``[L + 1]``; the last is the output's.

    Args:
        kernel: of networks.
        mean_square: |x|²/d.
    """
    process = replace(kernel, limit="nngp")
    records = process.prepare(torch.tensor([[math.sqrt(mean_square)]], dtype=torch.float64))
    return torch.cat([*records.variances, process.diagonal(records)])


def typical_mean_square(inputs: Tensor) -> float:
    """Return the median over inputs ``[n, ...]`` of |x|²/d."""
    return float(inputs.flatten(1).square().mean(1).median())


def matched_kernel(
    kernel: FullyConnected, match_to: Activation | None, mean_square: float
) -> FullyConnected:
    """Return the kernel of networks, matched to those of another activation if one is named.

    Args:
        kernel: as the options have it.
        match_to: the activation of the networks that its w_std and b_std belong to.
        mean_square: of the numbers of a typical record.
    """
    if match_to is None:
        return kernel
    match = matched(replace(kernel, activation=match_to), kernel.activation, mean_square)
    log(
        f"{kernel.activation} matched to {match_to} of w_std {kernel.w_std:g}: w_std "
        f"{match.w_std:.6g}, input_scale {match.input_scale:.6g}"
    )
    return match


def warn_if_variance_changes(kernel: FullyConnected, mean_square: float, remedy: str) -> None:
    """Warn that an activation does not keep variances at the default w_std, which is ReLU's."""
    if kernel.activation == "relu":
        return
    first, last = (float(value) for value in variances(kernel, mean_square)[[0, -1]])
    if abs(last - first) <= MAX_VARIANCE_CHANGE * first:
        return
    log(
        f"w_std {kernel.w_std:.5g} is that of relu: the variance of a typical record goes from "
        f"{first:.3g} to {last:.3g} through {kernel.depth} layers of {kernel.activation}; " + remedy
    )
