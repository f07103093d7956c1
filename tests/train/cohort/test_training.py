from dataclasses import replace

import numpy as np
import pytest
import torch

from imprint.core import user_code
from imprint.core.errors import ImprintError
from imprint.data.augmentation import UNCHANGED
from imprint.nets.registry import ARCHITECTURES
from imprint.train.cohort.plan import cohort_card, plan_models
from imprint.train.cohort.resident import load_resident
from imprint.train.cohort.training import Training, can_stack
from tests.train.cohort.small_cohort import (
    CNN,
    CPU,
    MASKS,
    MLP,
    all_weights,
    furthest,
    train,
)


@pytest.mark.parametrize("options", [MLP, CNN, replace(CNN, optimizer="adamw", learning_rate=0.05)])
def test_stacked_models_are_those_trained_alone(images, tmp_path, options):
    alone = train(tmp_path / "alone", images, options)
    stacked = train(tmp_path / "stacked", images, replace(options, engine="stacked", stack=3))
    assert furthest(all_weights(alone), all_weights(stacked)) < 2e-5
    # The bound above means something: the models of one cohort are far from one another.
    first, second, _ = all_weights(alone)
    assert furthest([first], [second]) > 1e-2


def test_batch_statistics_are_those_of_the_members_alone(images, tmp_path):
    dark = np.flatnonzero(MASKS.members[0])
    pixels = images.pixels.copy()
    pixels[dark] = 0
    halves = replace(images, pixels=pixels)
    options = replace(CNN, engine="stacked", view=UNCHANGED)
    run = train(tmp_path, halves, options)
    black, other, _ = (weights["network.stages.0.0.1.running_var"] for weights in all_weights(run))
    # Black images alone have no variance: nine steps leave 0.9 ** 9 of the initial 1.
    assert torch.allclose(black, torch.full_like(black, 0.9**9))
    assert (other > 0.9**9 + 0.01).all()


def test_networks_that_draw_noise_are_not_stacked(images, tmp_path, monkeypatch):
    monkeypatch.setattr(user_code, "_trusted", {f"{__name__}:noisy"})
    assert can_stack(cohort_card(images, CNN))
    noisy_options = replace(MLP, architecture=f"{__name__}:noisy", architecture_options=())
    assert not can_stack(cohort_card(images, noisy_options))
    options = replace(noisy_options, engine="stacked")
    with pytest.raises(ImprintError, match="draws noise in its layers"):
        train(tmp_path, images, options)


def noisy(channels, outputs, input_size):
    plain = ARCHITECTURES.get("mlp")(channels, outputs, input_size, widths="8")
    return torch.nn.Sequential(plain, torch.nn.Dropout(0.5))


def test_a_loss_that_is_not_finite_names_the_model(images):
    options = replace(MLP, learning_rate=1e30)
    plans = plan_models(MASKS.members, [1], options, run=0)
    training = Training(
        plans, load_resident(images, 12, CPU), cohort_card(images, options), options
    )
    with pytest.raises(ImprintError, match="loss of model 1 is nan"):
        list(training.steps())
