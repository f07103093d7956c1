import numpy as np
import pytest
import torch
from torch import nn

from imprint.core.errors import ImprintError
from imprint.nets.predictor.predictor import ModelSettings, as_predictor
from imprint.probe.influence_kit.losses import row_losses
from imprint.probe.influence_kit.own_network import own_network, own_records, trained_of
from tests.lenses.leave_one_out.study.own_models import own_model


class Half(nn.Module):
    """Returns probabilities, or one output."""

    def __init__(self, outputs, squash):
        super().__init__()
        torch.manual_seed(0)
        self.layer, self.squash = nn.Linear(5, outputs), squash

    def forward(self, x):
        return self.squash(self.layer(x))


@pytest.mark.parametrize(
    ("outputs", "squash", "kind", "task"),
    [
        (3, lambda z: z.softmax(1), "probabilities", "classification"),
        (1, torch.sigmoid, "probabilities", "classification"),
        (1, lambda z: z[:, 0], "logits", "classification"),
        (3, torch.sigmoid, "probabilities", "multi_label"),
    ],
)
def test_losses_are_those_of_the_probabilities(outputs, squash, kind, task):
    module = Half(outputs, squash)
    predictor = as_predictor(module, ModelSettings(kind=kind))
    x = torch.randn(4, 5)
    logits = own_network(predictor, task)(x)
    p = torch.sigmoid(module(x)) if kind == "logits" else module(x)
    if task == "multi_label":
        labels = torch.tensor([[0, 1, 1]] * 4)
        wanted = nn.functional.binary_cross_entropy(p, labels.float(), reduction="none").sum(1)
        found = row_losses("binary_cross_entropy", logits, labels)
    else:
        labels = torch.tensor([0, 1, 1, 0])
        both = torch.stack([1 - p.flatten(), p.flatten()], 1) if outputs == 1 else p
        wanted = -both[torch.arange(4), labels].log()
        found = row_losses("cross_entropy", logits, labels)
    torch.testing.assert_close(found, wanted)


def test_targets_that_do_not_fit_are_one_sentence() -> None:
    model = own_model()
    predictor = model.network
    network = own_network(predictor, "classification")
    records = own_records(predictor, model.members, np.arange(6))
    wrong = type(records)(records.inputs, records.targets + 5)
    with pytest.raises(ImprintError, match="classes of the members run from 5 to 7"):
        trained_of(network, wrong, records, "classification")
    real = type(records)(records.inputs, torch.zeros(6, 2))
    with pytest.raises(ImprintError, match="3 outputs and the targets of the members 2 columns"):
        trained_of(network, real, real, "regression")
    losses = as_predictor(nn.Linear(5, 1), ModelSettings(kind="losses"))
    with pytest.raises(ImprintError, match="returns losses"):
        own_network(losses, "classification")
