from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from imprint.lenses.coverage.faults.oracles import Agreement, SeedLabels, resized_logits
from imprint.nets.fill import initial_model
from imprint.nets.model_card import ModelCard

IMAGES = torch.tensor([0.0, 102.0, 255.0]).view(3, 1, 1, 1).expand(3, 1, 8, 8)
LABELS = np.array([0, 0, 1])


def bright(images: Tensor) -> Tensor:
    """Return logits of a network that names class 1 of images brighter than half."""
    mean = images.mean((1, 2, 3))
    return torch.stack([1 - mean, mean], 1)


def test_labels_are_right_where_the_judge_confirms_them() -> None:
    expected = np.array([1, 0, 1])
    assert SeedLabels().expected(IMAGES, LABELS).tolist() == [0, 0, 1]
    assert SeedLabels().confirms(IMAGES, expected).all()
    assert SeedLabels(bright).confirms(IMAGES, expected).tolist() == [False, True, True]


def test_a_second_network_says_what_is_expected() -> None:
    oracle = Agreement(bright)
    assert oracle.expected(IMAGES, np.array([9, 9, 9])).tolist() == [0, 0, 1]
    assert oracle.confirms(IMAGES, LABELS).all()


def test_images_are_resized_for_networks_of_another_side() -> None:
    card = ModelCard("mlp", 1, 3, 6, (0.5,), (0.25,), {"widths": "4"})
    model = initial_model(card, 0)
    with torch.no_grad():
        small = torch.nn.functional.interpolate(
            IMAGES / 255, (6, 6), mode="bilinear", antialias=True
        )
        torch.testing.assert_close(resized_logits(model)(IMAGES / 255), model.eval()(small))
