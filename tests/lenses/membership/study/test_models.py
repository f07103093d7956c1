import pickle
import sys
import types
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from imprint.core import user_code
from imprint.core.errors import ImprintError
from imprint.lenses.membership.study.models import scorer_model, untrained_model
from imprint.nets.model_card import ModelCard
from imprint.study.step import Step, card_of

CARD = ModelCard("mlp", 3, 3, 6, (0.5,), (0.25,), {"widths": "8"})


class Scorer:
    input_size = 6

    def __init__(self, logits):
        self.logits = logits


@pytest.fixture
def use_scorer(monkeypatch):
    def use(scorer):
        module = types.ModuleType("of_the_user")
        module.make = lambda: scorer
        monkeypatch.setitem(sys.modules, "of_the_user", module)
        monkeypatch.setattr(user_code, "_trusted", {"of_the_user:make"})
        return scorer_model("model", "of_the_user:make", 3)

    return use


def test_scorers_with_other_logits_of_noise_have_other_identities(use_scorer):
    first, outputs = use_scorer(Scorer(lambda images: images.reshape(len(images), -1)[:, :4]))
    other, _ = use_scorer(Scorer(lambda images: -images.reshape(len(images), -1)[:, :4]))
    assert outputs == 4
    assert first.identity != other.identity
    assert first.warnings == ()


def test_probabilities_become_their_logarithms_with_a_warning(use_scorer):
    uniform = np.full((8, 4), 0.25, dtype=np.float32)
    model, _ = use_scorer(Scorer(lambda images: uniform[: len(images)]))
    assert model.warnings[0].startswith("the scorer returns probabilities")
    logits = model.load().logits(np.zeros((2, 3, 6, 6), dtype=np.float32))
    np.testing.assert_allclose(logits, np.log(0.25), rtol=1e-5)


def test_hard_labels_get_a_warning_of_their_own(use_scorer):
    model, _ = use_scorer(Scorer(lambda images: np.eye(4)[np.zeros(len(images), dtype=int)]))
    assert model.warnings[0].startswith("the scorer returns hard labels")


@pytest.mark.parametrize(
    ("logits", "message"),
    [
        (lambda images: np.zeros(8), r"must be finite \[8, classes\], got float64 \[8\]"),
        (lambda images: np.full((8, 2), np.nan), "must be finite"),
        (lambda images: 1 / 0, "failed with ZeroDivisionError"),
    ],
)
def test_what_cannot_be_logits_is_an_error(use_scorer, logits, message):
    with pytest.raises(ImprintError, match=message):
        use_scorer(Scorer(logits))


def test_a_scorer_that_expects_tensors_learns_in_a_line_what_it_gets(use_scorer):
    network = torch.nn.Conv2d(3, 4, 3)
    with pytest.raises(ImprintError, match=r"logits of NumPy float32 \[8, 3, ") as caught:
        use_scorer(Scorer(network))
    assert "TypeError: conv2d() received an invalid combination" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_object_without_logits_is_an_error(use_scorer):
    with pytest.raises(ImprintError, match="must name a function that returns an object with"):
        use_scorer(object())


def test_an_untrained_model_stands_on_a_card_by_architecture_and_seed():
    @dataclass(frozen=True)
    class Signals(Step):
        model: object

        artefact = "x"

        def build(self, path):
            """Write nothing."""

    first, again, other = (untrained_model(CARD, seed) for seed in (0, 0, 1))
    assert card_of(Signals(first)) == card_of(Signals(again)) != card_of(Signals(other))
    assert "load" not in card_of(Signals(first))["model"]
    weights = [dict(model.load().named_parameters()) for model in (first, again)]
    assert all((weights[0][name] == weights[1][name]).all() for name in weights[0])


@pytest.mark.parametrize("probabilities", [False, True])
def test_a_scorer_is_made_anew_in_another_process(use_scorer, probabilities):
    column = np.float32(0.5 if probabilities else 2.0)
    model, _ = use_scorer(Scorer(lambda images: np.full((len(images), 2), column)))
    again = pickle.loads(pickle.dumps(model))
    images = np.zeros((3, 3, 6, 6), dtype=np.float32)
    np.testing.assert_array_equal(again.load().logits(images), model.load().logits(images))
    assert again.identity == model.identity
