import numpy as np
import torch
from torch import nn

from imprint.probe.attribution.importance import completeness_gap
from imprint.probe.attribution.layer_attribution import Question
from imprint.probe.neurons.layer_outputs import LayerOutputs, cut_layers, frozen
from tests.probe.attribution.networks import (
    Modules,
    Residual,
    ask,
    build,
    compute,
)


def test_layers_beside_a_shortcut_are_no_cuts():
    question = ask(build(Residual))
    assert cut_layers(question.outputs, question.inputs) == ("stem", "head")
    assert cut_layers(ask(build(Modules)).outputs, question.inputs) == (
        "conv1",
        "conv2",
        "fc1",
        "fc2",
    )


def test_shared_modules_are_layers_of_their_own():
    torch.manual_seed(0)
    layer = nn.Linear(3, 3)
    model = nn.Sequential(layer, nn.ReLU(), layer, nn.Linear(3, 2)).double()
    with frozen(model):
        question = Question(
            LayerOutputs(model),
            torch.randn(5, 3).double(),
            torch.zeros(5, dtype=torch.int64),
            torch.arange(5),
            torch.zeros(1, 3).double(),
        )
        found = compute("ldl", question)
        assert tuple(found) == ("0", "0#1", "3")
        gap = completeness_gap(question, found, cut_layers(question.outputs, question.inputs))
    assert gap < 1e-12
    assert np.isfinite(gap)
