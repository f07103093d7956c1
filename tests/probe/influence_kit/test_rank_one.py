import pytest
import torch
from torch import nn
from torch.func import functional_call, grad, vmap

from imprint.core.errors import ImprintError
from imprint.probe.influence_kit.rank_one import factors, gradient_dots, squared_norms


def network(bias=True):
    torch.manual_seed(3)
    layers = [nn.Linear(4, 6, bias=bias), nn.GELU(), nn.Linear(6, 5, bias=bias), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(5, 3, bias=bias)).double()


def per_example(model, inputs, labels):
    """All gradients written down, by torch.func."""
    state = dict(model.named_parameters())

    def loss(weights, row, label):
        logits = functional_call(model, weights, (row[None],))
        return nn.functional.cross_entropy(logits, label[None])

    found = vmap(grad(loss), in_dims=(None, 0, 0))(state, inputs, labels)
    return torch.cat([found[name].flatten(1) for name in state], dim=1)


def batch(count, seed):
    random = torch.Generator().manual_seed(seed)
    return (
        torch.randn(count, 4, generator=random).double(),
        torch.randint(0, 3, (count,), generator=random),
    )


def loss_of(labels):
    return lambda logits: nn.functional.cross_entropy(logits, labels, reduction="none")


@pytest.mark.parametrize("bias", [True, False])
def test_against_per_example_gradients(bias):
    model = network(bias)
    (inputs, labels), (others, other_labels) = batch(7, 0), batch(5, 1)
    one, other = (
        factors(model, x, loss_of(y)) for x, y in ((inputs, labels), (others, other_labels))
    )
    first, second = per_example(model, inputs, labels), per_example(model, others, other_labels)
    torch.testing.assert_close(gradient_dots(one, other), first @ second.T, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(squared_norms(one), first.square().sum(1), rtol=1e-12, atol=1e-14)


def test_by_hand():
    """One layer, logits 0: δ = p − y = ±½, a = (3, 4) and 1 for the bias."""
    layer = nn.Linear(2, 2).double()
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    found = factors(layer, torch.tensor([[3.0, 4.0]]).double(), loss_of(torch.tensor([0])))
    assert found.slopes[0].tolist() == [[-0.5, 0.5]]
    assert gradient_dots(found, found).tolist() == [[26 * 0.5]]


def test_other_layers_are_refused():
    convolution = nn.Sequential(nn.Conv1d(1, 2, 1), nn.Flatten(), nn.Linear(8, 3))
    with pytest.raises(ImprintError, match="Linear layers"):
        factors(convolution, torch.zeros(2, 1, 4), loss_of(torch.tensor([0, 1])))
    layer = nn.Linear(3, 3)
    with pytest.raises(ImprintError, match="used once"):
        factors(nn.Sequential(layer, layer), torch.zeros(2, 3), loss_of(torch.tensor([0, 1])))
