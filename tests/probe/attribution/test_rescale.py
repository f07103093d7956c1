from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from imprint.probe.attribution.importance import completeness_gap
from imprint.probe.attribution.layer_attribution import Question
from imprint.probe.neurons.layer_outputs import LayerOutputs, cut_layers, frozen
from tests.probe.attribution.networks import (
    Residual,
    ask,
    build,
    close,
    compute,
)


@pytest.mark.parametrize("activation", [F.gelu, F.silu, torch.tanh, F.hardswish])
def test_deep_lift_is_complete_with_smooth_activations_gates_and_overlapping_pools(activation):
    question = ask(build(Residual, activation=activation))
    cuts = cut_layers(question.outputs, question.inputs)
    assert completeness_gap(question, compute("ldl", question), cuts) < 1e-5


def test_ties_of_a_constant_baseline_do_not_depend_on_the_batch():
    torch.manual_seed(2)
    model = nn.Sequential(
        nn.Conv2d(3, 6, 3),
        nn.ReLU(),
        nn.Conv2d(6, 8, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32, 4),
    )
    whole = ask(model, count=40)
    found = compute("ldl", whole)
    for row in range(0, 40, 9):
        rows = torch.tensor([row])
        alone = replace(
            whole, inputs=whole.inputs[rows], labels=whole.labels[rows], ids=whole.ids[rows]
        )
        one = compute("ldl", alone)
        close(one, {name: value[rows] for name, value in found.items()}, 1e-4)


def test_deep_lift_by_hand():
    """F = relu(2x − 1) from 0 to 2: relu(3) − relu(−1) = 3 over a difference of 4."""
    model = nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.Linear(1, 1)).eval()
    with torch.no_grad():
        for weight, value in zip(model.parameters(), (2.0, -1.0, 5.0, 7.0), strict=True):
            weight.fill_(value)
    with frozen(model):
        question = Question(
            LayerOutputs(model),
            torch.tensor([[2.0]]),
            torch.tensor([0]),
            torch.tensor([0]),
            torch.zeros(1, 1),
        )
        found = compute("ldl", question)
        assert found["0"].item() == pytest.approx(5 * 3 / 4 * 4)
        assert found["2"].item() == pytest.approx(15)
        assert compute("lgxa", question)["0"].item() == pytest.approx(15)
        assert compute("lfa", question)["0"].item() == pytest.approx(15)
        assert compute("la", question)["0"].item() == 3
    assert all(weight.requires_grad for weight in model.parameters())
