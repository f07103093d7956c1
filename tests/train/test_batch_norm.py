import pytest
import torch
from torch import nn

from imprint.train.batch_norm import SharedBatchNorm, share_batch_norm, standardise


def pair(norm):
    shared = nn.Sequential(norm)
    own = nn.Sequential(type(norm)(norm.num_features, momentum=norm.momentum, affine=norm.affine))
    own.load_state_dict(shared.state_dict())
    share_batch_norm(shared)
    assert isinstance(shared[0], SharedBatchNorm)
    return own, shared


@pytest.mark.parametrize("momentum", [0.1, None])
@pytest.mark.parametrize(
    ("norm", "shape"), [(nn.BatchNorm1d, (7, 5)), (nn.BatchNorm2d, (4, 5, 3, 2))]
)
@pytest.mark.parametrize("affine", [True, False])
def test_one_process_normalises_as_torch_does(norm, shape, momentum, affine):
    torch.manual_seed(0)
    norm = norm(5, momentum=momentum, affine=affine)
    if affine:
        nn.init.normal_(norm.weight)
        nn.init.normal_(norm.bias)
    own, shared = pair(norm.double())
    own.double()
    for _ in range(3):
        batch = (3 + 2 * torch.randn(shape, dtype=torch.float64)).requires_grad_()
        same = batch.detach().clone().requires_grad_()
        expected, found = own(batch), shared(same)
        torch.testing.assert_close(found, expected)
        weights = torch.randn(shape, dtype=torch.float64)
        (expected * weights).sum().backward()
        (found * weights).sum().backward()
        torch.testing.assert_close(same.grad, batch.grad)
    for name, value in own.state_dict().items():
        torch.testing.assert_close(shared.state_dict()[name], value)
    torch.testing.assert_close(shared.eval()(batch), own.eval()(batch))


def test_sharing_keeps_parameters_and_their_names():
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Sequential(nn.BatchNorm1d(4)))
    before = dict(network.named_parameters()) | dict(network.named_buffers())
    share_batch_norm(network)
    after = dict(network.named_parameters()) | dict(network.named_buffers())
    assert after.keys() == before.keys()
    assert all(after[name] is before[name] for name in before)


def test_half_precision_comes_back_as_it_came():
    _, shared = pair(nn.BatchNorm1d(4))
    assert shared(torch.randn(6, 4).bfloat16()).dtype == torch.bfloat16


def test_standardised_columns_have_mean_0_and_variance_1():
    rows = standardise(5 + 3 * torch.randn(50, 4, dtype=torch.float64), epsilon=0.0)
    torch.testing.assert_close(rows.mean(0), torch.zeros(4, dtype=torch.float64))
    torch.testing.assert_close(rows.var(0, correction=0), torch.ones(4, dtype=torch.float64))
