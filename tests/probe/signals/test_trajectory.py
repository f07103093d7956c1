import numpy as np
import pytest
import torch
from torch import nn

from imprint import membership
from imprint.core.errors import ImprintError
from imprint.probe.signals.trajectory import loss_trajectory

INPUTS, LABELS = torch.eye(3), torch.tensor([0, 1, 1])


def test_losses_are_cross_entropies_of_every_checkpoint_also_where_probabilities_round_to_one():
    checkpoints = [lambda x: x * 0, lambda x: x * 40.0]
    losses = loss_trajectory(checkpoints, INPUTS, LABELS, batch_size=2)
    np.testing.assert_allclose(losses[0], np.log(3))
    np.testing.assert_allclose(losses[1], [2 * np.exp(-40), 2 * np.exp(-40), 40], rtol=1e-6)


def test_modules_are_evaluated_and_left_in_their_mode():
    network = nn.Sequential(nn.Dropout(0.5), nn.Linear(3, 3)).train()
    first, second = membership.loss_trajectory(iter([network, network]), INPUTS, LABELS)
    np.testing.assert_array_equal(first, second)
    assert network.training


@pytest.mark.parametrize(
    ("checkpoints", "labels", "message"),
    [
        ([], LABELS, "no checkpoint is given"),
        ([lambda x: x / 0], LABELS, "checkpoint 0 answers with logits that are not finite"),
        ([lambda x: x], LABELS + 2, "labels 2…3 do not fit a network of 3 classes"),
        ([lambda x: x], LABELS[:2], r"got labels \[2\] and logits \[3, 3\]"),
    ],
)
def test_what_does_not_fit_is_an_error(checkpoints, labels, message):
    with pytest.raises(ImprintError, match=message):
        loss_trajectory(checkpoints, INPUTS, labels)
