import pytest
import torch
from scipy.stats import spearmanr
from torch import nn

from imprint.probe.influence_kit.flat_parameters import FlatParameters
from imprint.probe.influence_kit.question import INFLUENCES, Trained
from tests.probe.influence.small_problems import linear, made, perceptron, table
from tests.probe.influence_kit.networks import one_at_a_time, problem


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


def brute_force_kronecker(trained):
    """EK-FAC of networks of convolutions and linear layers, written out record by record."""
    layers = [each for each in trained.network if isinstance(each, (nn.Conv2d, nn.Linear))]
    seen = {}
    for layer in layers:
        layer.register_forward_hook(lambda layer, given, made: seen.__setitem__(layer, given[0]))
    count, rows = len(trained.labels), {layer: [] for layer in layers}
    inputs_of, slopes_of = {layer: [] for layer in layers}, {layer: [] for layer in layers}

    def written(scalar):
        slopes = torch.autograd.grad(scalar, [each.weight for each in layers], retain_graph=True)
        return [slope.flatten(1) for slope in slopes]

    def of_losses(inputs, labels):
        found = []
        for row in range(len(inputs)):
            here = slice(row, row + 1)
            found.append(written(trained.losses(trained.network(inputs[here]), labels[here])[0]))
        return [torch.stack(layer) for layer in zip(*found, strict=True)]

    for row in range(count):
        logits = trained.network(trained.inputs[row : row + 1])
        root = trained.curvature_root(logits.detach())[0]
        for column in range(root.shape[1]):
            slopes = written((logits[0] * root[:, column]).sum())
            for layer, slope in zip(layers, slopes, strict=True):
                rows[layer].append(slope)
                a = seen[layer].detach()
                if isinstance(layer, nn.Conv2d):
                    a = nn.functional.unfold(a, layer.kernel_size, padding=layer.padding)[0].T
                inputs_of[layer].append(a)
                # δ at every place: the slope by an output that is added there.
                slopes_of[layer].append(_by_output(trained, layer, row, root[:, column]))
    records = of_losses(trained.inputs, trained.labels)
    queries = of_losses(trained.queries, trained.query_labels)
    total = 0
    for place, layer in enumerate(layers):
        a = torch.cat(inputs_of[layer])
        slope = torch.cat(slopes_of[layer])
        right, left = (torch.linalg.eigh(each.T @ each)[1] for each in (a, slope))
        turned = left.T @ torch.stack(rows[layer]) @ right
        inverse = 1 / (turned.square().sum(0) / count + trained.damping)
        one, other = (left.T @ each[place] @ right for each in (records, queries))
        total = total + torch.einsum("noi,oi,qoi->nq", one, inverse, other)
    return total / count


def _by_output(trained, layer, row, weights):
    kept = {}

    def add(layer, given, made):
        kept["added"] = torch.zeros_like(made, requires_grad=True)
        return made + kept["added"]

    handle = layer.register_forward_hook(add)
    logits = trained.network(trained.inputs[row : row + 1])
    handle.remove()
    (slope,) = torch.autograd.grad((logits[0] * weights).sum(), kept["added"])
    return slope[0].flatten(1).T if slope.ndim == 4 else slope


def test_ekfac_of_convolutions_is_that_of_factors_written_out():
    torch.manual_seed(5)
    network = nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1, bias=False), nn.GELU(), nn.Conv2d(3, 2, 2, bias=False),
        nn.GELU(), nn.Flatten(), nn.Linear(18, 3, bias=False),
    ).double()  # fmt: skip
    inputs, labels = torch.randn(7, 1, 4, 4).double(), torch.arange(7) % 3
    trained = Trained(
        network, inputs, labels, inputs[:2] + 1, labels[:2], torch.arange(7), damping=0.01
    )
    torch.testing.assert_close(table("ekfac", trained), brute_force_kronecker(trained))


@pytest.mark.parametrize("name", ["convolutions", "attention", "recurrent"])
def test_every_estimate_of_curvature_holds_for_networks_of_other_layers(name):
    """Products with the curvature agree with the Hessian of autograd; EK-FAC is close to it."""
    trained = problem(name)
    flat = FlatParameters(trained)
    jacobian = torch.autograd.functional.jacobian(
        lambda theta: flat.logits(theta, trained.inputs), flat.theta
    )
    p = trained.network(trained.inputs).softmax(1)
    p = p.detach()
    middle = torch.diag_embed(p) - p[:, :, None] * p[:, None, :]
    gauss = torch.einsum("ncp,ncd,ndq->pq", jacobian, middle, jacobian) / len(trained.labels)
    records = one_at_a_time(trained, trained.inputs, trained.labels)
    queries = one_at_a_time(trained, trained.queries, trained.query_labels)
    damped = gauss + trained.damping * torch.eye(len(gauss)).double()
    exact = records @ torch.linalg.solve(damped, queries.T) / len(trained.labels)
    close = 1e-3 * float(exact.abs().max())
    for estimator in ("influence_gauss_newton", "influence_cg", "influence_arnoldi"):
        torch.testing.assert_close(table(estimator, trained), exact, rtol=0, atol=close)
    own = INFLUENCES.get("influence_gauss_newton")(trained).own
    torch.testing.assert_close(
        own, (records * torch.linalg.solve(damped, records.T).T).sum(1) / len(trained.labels)
    )
    assert spearmanr(table("ekfac", trained).flatten(), exact.flatten())[0] > 0.8
