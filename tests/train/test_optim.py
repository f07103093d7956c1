import math

import pytest
import torch
from torch import nn

from imprint.train.optim import LARS, build_optimizer, learning_rate_factor, peak_learning_rate
from imprint.train.options import TrainOptions


def test_lars_by_hand():
    weight = nn.Parameter(torch.tensor([[3.0, 4.0]]))
    bias = nn.Parameter(torch.tensor([1.0]))
    optimizer = LARS([weight, bias], lr=0.5, momentum=0.9, weight_decay=0.1, trust=0.01)
    for _ in range(2):
        weight.grad, bias.grad = torch.tensor([[0.0, 1.0]]), torch.tensor([2.0])
        optimizer.step()
    w, v = torch.tensor([[3.0, 4.0]]), torch.zeros(1, 2)
    b, u = 1.0, 0.0
    for _ in range(2):
        g = torch.tensor([[0.0, 1.0]]) + 0.1 * w
        v = 0.9 * v + 0.01 * w.norm() / g.norm() * g
        w = w - 0.5 * v
        u = 0.9 * u + 2.0
        b = b - 0.5 * u
    assert torch.allclose(weight, w, rtol=1e-6)
    assert float(bias) == pytest.approx(b)


def test_lars_leaves_zero_weights_a_plain_step():
    weight = nn.Parameter(torch.zeros(1, 2))
    weight.grad = torch.tensor([[1.0, 0.0]])
    LARS([weight], lr=1.0).step()
    assert weight.tolist() == [[-1.0, 0.0]]


@pytest.mark.parametrize("name", ["adamw", "sgd", "lars"])
def test_weight_decay_reaches_weights_only(name):
    module = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    options = TrainOptions(optimizer=name, weight_decay=0.3)
    groups = build_optimizer(module, options, 128).param_groups
    decayed = {id(p) for group in groups if group["weight_decay"] for p in group["params"]}
    assert decayed == {id(module[0].weight)}


def test_the_peak_scales_with_the_batch():
    options = TrainOptions(learning_rate=0.2, batch_size=512)
    assert peak_learning_rate(options, 1024) == pytest.approx(0.8)
    for group in build_optimizer(nn.Linear(2, 2), options, 64).param_groups:
        assert group["lr"] == pytest.approx(0.05)


def test_the_schedule_rises_in_a_line_and_falls_in_a_cosine():
    factors = [learning_rate_factor(step, 110, 10, 0.1) for step in range(110)]
    assert factors[:10] == pytest.approx([0.1 * (step + 1) for step in range(10)])
    assert factors[10] == pytest.approx(1.0)
    assert factors[60] == pytest.approx(0.55)
    assert factors[-1] == pytest.approx(0.1 + 0.9 * (1 + math.cos(math.pi * 0.99)) / 2)
    assert learning_rate_factor(0, 5, 0, 0.0) == 1.0
