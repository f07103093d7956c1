from dataclasses import replace

import numpy as np
import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.nets.load import load_model, read_card
from imprint.train.cohort.masks import Masks, read_masks
from tests.train.cohort.small_cohort import MASKS, MLP, train


def test_other_settings_are_rejected_and_another_engine_is_not(images, tmp_path):
    train(tmp_path, images, MLP)
    assert train(tmp_path, images, replace(MLP, engine="stacked", stack=2)).trained == 0
    with pytest.raises(ImprintError, match=r"train\.epochs: 3 there, 4 now"):
        train(tmp_path, images, replace(MLP, epochs=4))
    with pytest.raises(ImprintError, match="members: "):
        train(tmp_path, images, MLP, Masks(~MASKS.members))


def test_the_card_says_what_a_model_was_trained_on_and_how_well(images, tmp_path):
    run = train(tmp_path, images, replace(MLP, epochs=30))
    card = read_card(run.weights[2]).training
    assert (card["model"], card["members"], card["epochs"]) == (2, 25, 30)
    assert card["accuracy"] > 0.9
    assert 0 < card["loss"] < 0.5
    assert np.array_equal(read_masks(tmp_path / "masks" / "members.npy").members, MASKS.members)
    model = load_model(run.weights[2])
    logits = model(torch.from_numpy(images.pixels).float() / 255)
    assert float((logits.argmax(1).numpy() == images.labels).mean()) > 0.9
