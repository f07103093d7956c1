import pytest
import torch
from torch import nn

from imprint.probe.influence.influence_arnoldi import in_eigenspace
from imprint.probe.influence.influence_lissa import NeumannSeries, by_series
from imprint.probe.influence_kit.flat_parameters import FlatParameters
from imprint.probe.influence_kit.question import INFLUENCES
from tests.probe.influence.small_problems import (
    RECORDS,
    linear,
    made,
    perceptron,
    table,
)


@pytest.mark.parametrize("loss", ["cross_entropy", "squared"])
def test_gauss_newton_by_duality_is_the_inverse_of_the_matrix(loss):
    trained = made(perceptron(), loss)
    flat = FlatParameters(trained)
    matrix = flat.product()(torch.eye(len(flat.theta)).double())
    inverse = torch.linalg.inv(matrix + trained.damping * torch.eye(len(flat.theta)).double())
    records = flat.gradients(trained.inputs, trained.labels)
    queries = flat.gradients(trained.queries, trained.query_labels)
    exact = records @ inverse @ queries.T / RECORDS
    torch.testing.assert_close(
        table("influence_gauss_newton", trained), exact, rtol=1e-9, atol=1e-12
    )
    cg = INFLUENCES.get("influence_cg")(trained)
    close = 1e-4 * float(exact.abs().max())
    torch.testing.assert_close(cg.table, exact, rtol=0, atol=close)
    assert "unconverged" not in cg.facts
    whole = in_eigenspace(trained, 500, 500)
    torch.testing.assert_close(whole.table, exact, rtol=1e-6, atol=1e-9)
    series = by_series(trained, NeumannSeries(scale=4.0, depth=400, batch=RECORDS))
    torch.testing.assert_close(series.table, exact, rtol=0, atol=100 * close)


def test_of_a_linear_model_all_of_the_hessian_is_gauss_newton():
    trained = made(linear())
    torch.testing.assert_close(
        table("influence_exact", trained),
        table("influence_gauss_newton", trained),
        rtol=1e-8,
        atol=1e-12,
    )


def test_of_ridge_regression_the_shift_is_that_of_leaving_out():
    """Solved again without a record, to first order: the shift along the miss."""
    trained = made(nn.Sequential(nn.Linear(4, 3, bias=False)).double(), "squared", damping=50.0)
    x, wanted = trained.inputs, nn.functional.one_hot(trained.labels, 3).double() - 1 / 3

    def logits(kept):
        left = (x * kept[:, None]).T @ x / RECORDS + trained.damping * torch.eye(4).double()
        weights = torch.linalg.solve(left, (x * kept[:, None]).T @ wanted / RECORDS)
        trained.network[0].weight.data = weights.T.clone()
        return x @ weights

    without = []
    for row in trained.own.tolist():
        kept = torch.ones(RECORDS).double()
        kept[row] = 0
        without.append(logits(kept)[row])
    within = logits(torch.ones(RECORDS).double())[trained.own]
    entry = INFLUENCES.get("influence_exact")
    found = entry.shift(trained, entry(trained))
    shifts = (within - torch.stack(without)).norm(dim=1)
    torch.testing.assert_close(found, shifts, rtol=0.01, atol=0)
