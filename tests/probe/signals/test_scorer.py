import numpy as np
import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.nets.fill import initial_model
from imprint.nets.model_card import ModelCard
from imprint.probe.signals.scorer import (
    Classifier,
    FromProbabilities,
    are_probabilities,
    dtype_of,
    forward_of,
    unit_scale,
)

CARD = ModelCard("mlp", 1, 2, 4, (0.5,), (0.25,), {"widths": "3"})


class Half:
    """A scorer that answers both classes with probability one half."""

    input_size = 4

    def logits(self, inputs):
        return np.full((len(inputs), 2), 0.5)


def test_probabilities_are_distinguished_from_logits() -> None:
    assert are_probabilities(np.array([[0.2, 0.8], [1.0, 0.0]]))
    assert not are_probabilities(np.array([[0.2, 0.7]]))
    assert not are_probabilities(np.array([[-0.1, 1.1]]))
    assert not are_probabilities(np.array([[1.0]]))


def test_probabilities_become_their_logarithms() -> None:
    images = torch.zeros(3, 1, 4, 4)
    logits = forward_of(FromProbabilities(Half()))(images)
    assert logits.tolist() == [[pytest.approx(np.log(0.5))] * 2] * 3


def test_a_unit_of_a_pixel_is_one_or_the_deviation_of_the_model() -> None:
    model = initial_model(CARD, 0)
    assert unit_scale(model, "pixel", "m").tolist() == [[[1.0]]]
    assert unit_scale(model, "normalised", "m").tolist() == [[[0.25]]]
    with pytest.raises(ImprintError, match="model m does not say how it normalises"):
        unit_scale(Half(), "normalised", "m")


def test_only_a_model_of_imprint_has_gradients() -> None:
    model = initial_model(CARD, 0).double()
    assert dtype_of(model) is torch.float64
    assert dtype_of(Half()) is torch.float32
    one = torch.ones(1, 1, 1)
    assert Classifier("m", model, one, torch.float64).network is model
    with pytest.raises(ImprintError, match="model m only answers with logits"):
        _ = Classifier("m", Half(), one, torch.float32).network
