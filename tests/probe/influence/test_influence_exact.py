import torch
from torch import nn

from tests.probe.influence.small_problems import RECORDS, made, table


def test_exact_influence_is_the_slope_of_retraining():
    """Ridge regression, a quadratic problem, solved again with record i reweighted.

    The derivative of the loss at q by the weight of record i is the influence, less its sign.
    """
    trained = made(nn.Sequential(nn.Linear(4, 3, bias=False)).double(), "squared")
    x, wanted = trained.inputs, nn.functional.one_hot(trained.labels, 3).double() - 1 / 3

    def solve(weights):
        left = (x * weights[:, None]).T @ x / RECORDS + trained.damping * torch.eye(4).double()
        return torch.linalg.solve(left, (x * weights[:, None]).T @ wanted / RECORDS)

    def losses(weights):
        logits = trained.queries @ solve(weights)
        return trained.losses(logits, trained.query_labels)

    ones = torch.ones(RECORDS).double()
    trained.network[0].weight.data = solve(ones).T.clone()
    slope = torch.autograd.functional.jacobian(losses, ones)
    for name in ("influence_gauss_newton", "influence_cg"):
        torch.testing.assert_close(table(name, trained), -slope.T, rtol=0, atol=1e-4)
    torch.testing.assert_close(table("influence_exact", trained), -slope.T, rtol=1e-9, atol=1e-12)
