import torch

from imprint.probe.influence.influence_arnoldi import in_eigenspace, leading
from imprint.probe.influence_kit.flat_parameters import FlatParameters
from imprint.probe.influence_kit.question import INFLUENCES
from tests.probe.influence.small_problems import linear, made


def test_eigenvalues_fall_and_vectors_are_those_of_the_curvature() -> None:
    flat = FlatParameters(made(linear()))
    values, vectors = leading(flat, 30, 4, seed=0)
    assert torch.equal(values, values.sort(descending=True).values)
    torch.testing.assert_close(vectors @ vectors.T, torch.eye(4).double(), rtol=0, atol=1e-8)
    torch.testing.assert_close(flat.product()(vectors), values[:, None] * vectors)


def test_the_whole_space_gives_the_gauss_newton_influence_of_gradients_in_it() -> None:
    trained = made(linear())
    table = in_eigenspace(trained, 100, 100).table
    torch.testing.assert_close(
        table, INFLUENCES.get("influence_gauss_newton")(trained).table, rtol=1e-6, atol=1e-9
    )
