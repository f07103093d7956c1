import torch

from imprint.probe.influence.influence_lissa import PUBLISHED, NeumannSeries, by_series
from tests.probe.influence.small_problems import (
    RECORDS,
    made,
    perceptron,
    table,
)


def test_published_series_is_no_inverse_and_says_so():
    trained = made(perceptron(), damping=1e-3)
    found = by_series(trained, PUBLISHED)
    assert "not yet an inverse" in found.facts["unconverged"]
    # 51 terms over 500: a tenth of the gradient, so TracIn by another name.
    dots = table("gradient_dot", trained) / RECORDS
    torch.testing.assert_close(found.table, 0.102 * dots, rtol=0.05, atol=1e-4)


def test_a_series_deep_enough_says_that_it_converged():
    found = by_series(made(perceptron()), NeumannSeries(scale=4.0, depth=400, batch=RECORDS))
    assert found.facts["residual"] < 0.02
    assert "unconverged" not in found.facts
