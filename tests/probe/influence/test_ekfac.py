import torch
from scipy.stats import spearmanr

from imprint.probe.influence.ekfac import second_moments
from tests.probe.influence.small_problems import linear, made, perceptron, table


def test_ekfac_second_moments_are_those_of_written_gradients():
    random = torch.Generator().manual_seed(4)
    a, slope = torch.randn(9, 4, generator=random), torch.randn(9, 3, generator=random)
    written = (slope[:, :, None] * a[:, None, :]).square().mean(0)
    torch.testing.assert_close(second_moments(a, slope, 9), written, rtol=1e-6, atol=1e-7)


def test_ekfac_is_exact_where_factors_are_independent():
    """A linear model and squared loss: the curvature E[aaᵀ] ⊗ I is a Kronecker product."""
    trained = made(linear(), "squared")
    torch.testing.assert_close(
        table("ekfac", trained), table("influence_gauss_newton", trained), rtol=1e-9, atol=1e-12
    )


def test_ekfac_ranks_as_the_exact_curvature():
    trained = made(perceptron(20))
    ours, exact = table("ekfac", trained), table("influence_gauss_newton", trained)
    assert spearmanr(ours.flatten(), exact.flatten())[0] > 0.9
