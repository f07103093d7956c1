"""Two linear layers in a row, whose attributions are products that can be written down."""

from typing import NamedTuple

import torch
from torch import nn

from imprint.probe.attribution.layer_attribution import Question
from tests.probe.attribution.networks import ask


class Parts(NamedTuple):
    """Of the hidden layer ``[b, 5]``: z, z(x) − z(x′) and ∂F/∂z."""

    outputs: torch.Tensor
    change: torch.Tensor
    slope: torch.Tensor


def linear_question(options=None) -> tuple[Question, Parts]:
    """Return a question about the network, and what attributions of it are made of."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(192, 5), nn.Linear(5, 4)).eval()
    question = ask(model, options)
    with torch.no_grad():
        outputs = model[1](question.inputs.flatten(1))
        change = outputs - model[1](question.baseline.flatten(1))
        slope = model[2].weight[question.labels]
    return question, Parts(outputs, change, slope)
