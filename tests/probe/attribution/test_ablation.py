import pytest
import torch
from torch import nn

from imprint.probe.attribution.ablation import norms_behind
from tests.probe.attribution.lenet_images import images, model, ready, tensor_of


def test_taking_neurons_away_is_zeroing_their_weights():
    module, data = model(), images()
    ablation = ready(module, data, after_norm=False)
    keep = torch.ones(2, ablation.layers.neurons, dtype=torch.bool)
    keep[0, [1, 4, 6, 30]] = False  # conv1 1 and 4, conv2 0, fc1 8
    found = ablation.logits(tensor_of(data), keep)
    torch.testing.assert_close(found[1], module(tensor_of(data)).detach())
    net = module.network
    with torch.no_grad():
        for layer, rows in ((net.conv1, [1, 4]), (net.conv2, [0]), (net.fc1, [8])):
            layer.weight[rows] = 0
            layer.bias[rows] = 0
    torch.testing.assert_close(found[0], module(tensor_of(data)).detach())


def test_sets_of_each_inputs_own():
    module, data = model(), images()
    ablation = ready(module, data)
    random = torch.Generator().manual_seed(0)
    keep = torch.rand(3, 20, ablation.layers.neurons, generator=random) > 0.2
    found = ablation.logits(tensor_of(data), keep)
    for row in (0, 13):
        alone = ablation.logits(tensor_of(data)[row : row + 1], keep[:, row])
        torch.testing.assert_close(found[:, row], alone[:, 0])


class Normalised(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.plain = nn.Conv2d(4, 2, 3)
        self.other = nn.BatchNorm2d(2)
        self.head = nn.Linear(2, 3)

    def forward(self, x):
        x = torch.relu(self.norm(self.conv(x)))
        return self.head(self.other(torch.relu(self.plain(x))).mean((2, 3)))


@pytest.mark.parametrize("after_norm", [True, False])
def test_masks_leave_other_channels_bit_identical(after_norm):
    torch.manual_seed(0)
    model, data = Normalised().eval(), images()
    model.requires_grad_(False)
    model.norm.bias.fill_(0.7)
    ablation = ready(model, data, after_norm)
    assert norms_behind(ablation.outputs, tensor_of(data)) == {"conv": "norm"}
    keep = torch.ones(2, ablation.layers.neurons, dtype=torch.bool)
    keep[1, 2] = False
    seen = []
    handle = model.norm.register_forward_hook(lambda *told: seen.append(told[2].clone()))
    ablation.rows = 100
    ablation.logits(tensor_of(data), keep)
    handle.remove()
    if after_norm:
        # The test's hook stands before the mask's: look at what the next layer is given.
        handle = model.plain.register_forward_pre_hook(lambda *told: seen.append(told[1][0]))
        ablation.logits(tensor_of(data), keep)
        handle.remove()
    whole, without = seen[-1][:20], seen[-1][20:]
    others = [0, 1, 3]
    assert torch.equal(whole[:, others], without[:, others])
    norm = model.norm
    left = (
        0.0
        if after_norm
        else 0.7
        - float(norm.weight[2] * norm.running_mean[2] / (norm.running_var[2] + norm.eps).sqrt())
    )
    torch.testing.assert_close(without[:, 2], torch.full_like(without[:, 2], left))


def test_means_are_what_neurons_give_and_take_their_place():
    torch.manual_seed(0)
    model, data = Normalised().eval(), images()
    model.requires_grad_(False)
    ablation = ready(model, data)
    inputs = tensor_of(data)
    means = ablation.means([inputs[:7], inputs[7:]])
    normed = model.norm(model.conv(inputs))
    torch.testing.assert_close(means[:4].float(), normed.mean((0, 2, 3)))
    torch.testing.assert_close(means[-3:].float(), model(inputs).mean(0))
    ablation.fill = means
    keep = torch.ones(1, ablation.layers.neurons, dtype=torch.bool)
    keep[0, 1] = False
    normed[:, 1] = normed[:, 1].mean()
    expected = model.head(model.other(torch.relu(model.plain(torch.relu(normed)))).mean((2, 3)))
    torch.testing.assert_close(ablation.logits(inputs, keep)[0], expected)
