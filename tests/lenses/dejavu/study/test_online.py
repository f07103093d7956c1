import numpy as np
import torch

from imprint.data.sources.composite import composite
from imprint.lenses.dejavu.options import DejavuChoice
from imprint.lenses.dejavu.study.backgrounds import AttackedSet
from imprint.lenses.dejavu.study.online import OnlineAttack
from imprint.nets.fill import initial_model
from imprint.nets.model_card import ModelCard

CARD = ModelCard("mlp", 3, 10, 8, (0.5,), (0.25,), {"widths": "16"})


def test_images_among_the_public_ones_are_recognised_when_the_epoch_is_due():
    images = composite(40)
    index = np.arange(6)
    whole = np.tile([0.0, 0.0, 32.0, 32.0], (6, 1))
    attacked = AttackedSet(index, whole, np.array([0, 0, 0, 1, 1, 1]), {})
    options = DejavuChoice(out="unused", k=1, layer="backbone", top_percent=(50,), device="cpu")
    online = OnlineAttack.of(2, options, np.arange(40), attacked)
    assert online.attack.top_percent == (100,)
    on_epoch_end = online.on_epoch_end(images, torch.device("cpu"))
    model = initial_model(CARD, 0)
    assert on_epoch_end(model, 1) == {}
    assert on_epoch_end(model, 2) == {"attack": {"A": 1.0, "B": 1.0}}
