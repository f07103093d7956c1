import torch
from scipy.stats import spearmanr

from tests.probe.influence.small_problems import linear, made, perceptron, table


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
