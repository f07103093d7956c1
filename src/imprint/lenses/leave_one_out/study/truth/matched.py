"""Matching networks of one activation to those of another, told on the terminal."""

from __future__ import annotations

from dataclasses import replace

from imprint.core.progress import log
from imprint.lenses.leave_one_out.kernels.fc import FullyConnected
from imprint.lenses.leave_one_out.posterior.dual_activations import Activation
from imprint.lenses.leave_one_out.truth.matching import matched, variances


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
    found = matched(replace(kernel, activation=match_to), kernel.activation, mean_square)
    log(
        f"{kernel.activation} matched to {match_to} of w_std {kernel.w_std:g}: w_std "
        f"{found.w_std:.6g}, input_scale {found.input_scale:.6g}"
    )
    return found


def tell_variances(kernel: FullyConnected, mean_square: float, remedy: str) -> None:
    """Say that an activation does not keep variances at the w_std that is left out, ReLU's."""
    if kernel.activation == "relu":
        return
    first, last = (float(value) for value in variances(kernel, mean_square)[[0, -1]])
    log(
        f"w_std {kernel.w_std:.5g} is that of relu: the variance of a typical record goes from "
        f"{first:.3g} to {last:.3g} through {kernel.depth} layers of {kernel.activation}; " + remedy
    )
