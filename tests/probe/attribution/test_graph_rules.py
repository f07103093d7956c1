import pytest
import torch
from torch import nn
from torch.nn import functional as F

from imprint.probe.attribution.importance import completeness_gap
from tests.probe.attribution.networks import ask, build, compute


@pytest.mark.parametrize("kind", ["keyword", "position", "method", "times"])
def test_operations_that_overwrite_their_input(kind):
    class Overwriting(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = nn.Linear(192, 9), nn.Linear(9, 4)

        def forward(self, x):
            x = self.one(x.flatten(1))
            if kind == "keyword":
                F.relu(x, inplace=True)
            elif kind == "position":
                x = F.leaky_relu(x, 0.1, True)
            elif kind == "method":
                x.tanh_()
            else:
                x *= torch.sigmoid(x)
            return self.two(x)

    question = ask(build(Overwriting))
    found = compute("ldl", question)
    assert completeness_gap(question, found, ("one", "two")) < 1e-5
    again = ask(build(Overwriting)).seen.logits
    torch.testing.assert_close(again, build(Overwriting)(question.inputs))
