"""Matched networks of other activations, against quadrature and networks of finite width."""

import math

import numpy as np
import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.kernels.fc import FullyConnected
from imprint.lenses.leave_one_out.truth.matching import (
    matched,
    typical_mean_square,
    variances,
    warn_if_variance_changes,
)
from imprint.nets.fully_connected import initial_stack


def second_moment(phi, variance):
    """E φ(u)² of u normal, by a fine sum."""
    u = np.linspace(-12, 12, 200_001)
    density = np.exp(-(u**2) / 2) / math.sqrt(2 * math.pi)
    return float((phi(math.sqrt(variance) * u) ** 2 * density).sum() * (u[1] - u[0]))


def gelu(u):
    return u * torch.special.ndtr(torch.from_numpy(u)).numpy()


def erf(u):
    return torch.special.erf(torch.from_numpy(u)).numpy()


@pytest.mark.parametrize(("name", "phi"), [("gelu", gelu), ("erf", erf)])
@pytest.mark.parametrize("mean_square", [0.02, 0.3, 40.0])
def test_the_variance_stays_through_depth_as_that_of_relu_does(name, phi, mean_square):
    found = matched(FullyConnected(depth=4), name, mean_square)
    variance = 2 * mean_square
    assert found.w_std**2 == pytest.approx(variance / second_moment(phi, variance), rel=1e-9)
    assert found.w_std * found.input_scale == pytest.approx(math.sqrt(2), rel=1e-14)
    np.testing.assert_allclose(variances(found, mean_square), [variance] * 5, rtol=1e-11)


def test_with_biases_the_first_and_the_last_variance_are_met():
    given = FullyConnected(depth=3, w_std=1.1, b_std=0.4, input_scale=0.7)
    found = matched(given, "gelu", 0.5)
    one, other = variances(given, 0.5), variances(found, 0.5)
    assert found.b_std == 0.4
    np.testing.assert_allclose(other[[0, -1]], one[[0, -1]], rtol=1e-12)
    assert abs(other[1] / one[1] - 1) > 1e-3


def test_a_kernel_matched_to_its_own_activation_is_itself():
    given = FullyConnected(depth=3, w_std=1.3, b_std=0.2)
    found = matched(given, "relu", 0.5)
    assert (found.w_std, found.input_scale) == pytest.approx((1.3, 1.0), rel=1e-13)


def test_wide_networks_of_both_have_logits_of_one_size():
    x = torch.full((1, 5), math.sqrt(0.3), dtype=torch.float64)
    sizes = []
    for prior in (FullyConnected(depth=2), matched(FullyConnected(depth=2), "gelu", 0.3)):
        stack = initial_stack(prior, 128, 5, 40, range(25), dtype=torch.float64)
        sizes.append(float(stack.logits(x * prior.input_scale).square().mean()))
    # Of 1000 logits, a tenth off is more than two standard errors.
    assert sizes[0] == pytest.approx(0.6, rel=0.15)
    assert sizes[1] == pytest.approx(0.6, rel=0.15)


def test_what_no_weights_can_match_is_refused():
    with pytest.raises(ImprintError, match="mean square 0 match no networks"):
        matched(FullyConnected(), "gelu", 0.0)
    with pytest.raises(ImprintError, match="nearer to 1"):
        matched(FullyConnected(w_std=1e20), "erf", 1.0)


def test_the_typical_record_is_the_median_one():
    assert typical_mean_square(torch.tensor([[1.0, 1.0], [2.0, 2.0], [9.0, 9.0]])) == 4.0


@pytest.mark.parametrize(
    ("activation", "warned"), [("leaky_relu", False), ("leaky_relu:0.2", True), ("tanh", True)]
)
def test_only_a_variance_that_changes_is_warned_of(activation, warned, capsys):
    warn_if_variance_changes(FullyConnected(activation=activation, depth=5), 1.0, "do something")
    assert ("variance of a typical record" in capsys.readouterr().err) == warned
