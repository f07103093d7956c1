"""A copy with weights in random order: same numbers, other arrangement, the network untouched."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from imprint.lenses.dejavu.study.untrained_copy import untrained_copy
from imprint.nets.predictor.module import ModulePredictor


def network() -> ModulePredictor:
    """Return a small network with batch-norm in evaluation mode."""
    torch.manual_seed(0)
    parts = (nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Linear(6, 2))
    return ModulePredictor(nn.Sequential(*parts).eval(), "small")


def test_weights_are_the_same_numbers_in_another_order() -> None:
    model = network()
    before = model.module.state_dict()["0.weight"].clone()
    shuffled = untrained_copy(model, [np.zeros((3, 4), np.float32)], seed=1)
    after = shuffled.module.state_dict()["0.weight"]
    assert torch.equal(model.module.state_dict()["0.weight"], before)
    assert not torch.equal(after, before)
    assert torch.equal(after.flatten().sort().values, before.flatten().sort().values)


def test_batch_norm_takes_the_mean_of_what_its_layer_gives() -> None:
    inputs = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    shuffled = untrained_copy(network(), [inputs], seed=1).module
    hidden = shuffled.get_submodule("0")(torch.from_numpy(inputs))
    norm = shuffled.get_submodule("1")
    assert not norm.training
    assert torch.allclose(norm.get_buffer("running_mean"), hidden.mean(0), atol=1e-6)


def test_order_depends_on_the_seed() -> None:
    copies = [untrained_copy(network(), [], seed).module.state_dict() for seed in (1, 1, 2)]
    assert torch.equal(copies[0]["2.weight"], copies[1]["2.weight"])
    assert not torch.equal(copies[0]["2.weight"], copies[2]["2.weight"])
