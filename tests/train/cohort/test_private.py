import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional as F

from imprint.core import user_code
from imprint.core.errors import ImprintError
from imprint.data.augmentation import UNCHANGED
from imprint.data.imageset import ArrayImages
from imprint.nets.build import build_network
from imprint.nets.fill import initial_model
from imprint.nets.load import load_model, read_card
from imprint.study.store import Study
from imprint.train.cohort import private
from imprint.train.cohort.cohort import train_cohort
from imprint.train.cohort.masks import Masks
from imprint.train.cohort.options import CohortOptions
from imprint.train.cohort.plan import cohort_card, plan_models
from imprint.train.cohort.private import PrivateTraining, accounted_epsilon, noise_for
from imprint.train.cohort.resident import load_resident

pytest.importorskip("opacus")

CPU = torch.device("cpu")
OPTIONS = CohortOptions(
    architecture="patch_convnet",
    architecture_options=(("width", "4"), ("depth", "1"), ("stages", "2"), ("patch", "3")),
    input_size=12,
    epochs=2,
    batch_size=8,
    learning_rate=0.5,
    momentum=0.0,
    weight_decay=0.0,
    warmup=0.0,
    view=UNCHANGED,
    noise_multiplier=1.0,
    accountant="rdp",
    engine="sequential",
)
MEMBERS = np.arange(48) < np.array([[24], [32]])


@pytest.fixture(scope="module")
def images():
    draw = np.random.default_rng(0)
    pixels = draw.integers(0, 256, (48, 3, 12, 12), dtype=np.uint8)
    return ArrayImages(pixels, np.arange(48) % 3, ("red", "green", "blue"))


def private_training(images, options, model=0):
    (plan,) = plan_models(MEMBERS, [model], options, run=5)
    return PrivateTraining(
        plan, load_resident(images, 12, CPU), cohort_card(images, options), options
    )


def run(training):
    for _ in training.steps():
        pass
    return torch.cat([part.detach().flatten() for part in training.model.parameters()])


@pytest.mark.parametrize("at_once", [64, 5])
def test_a_step_is_the_mean_of_clipped_gradients(images, monkeypatch, at_once):
    monkeypatch.setattr(private, "EXAMPLES_AT_ONCE", at_once)
    options = replace(OPTIONS, noise_multiplier=1e-9, max_grad_norm=0.5, batch_size=24, epochs=1)
    training = private_training(images, options)
    assert training.sample(0).tolist() == list(range(24))
    model = initial_model(
        cohort_card(images, options), plan_models(MEMBERS, [0], options, 5)[0].seed
    )
    parameters = list(model.parameters())
    total = [torch.zeros_like(part) for part in parameters]
    norms = []
    for row in range(24):
        pixels = torch.from_numpy(images.pixels[row : row + 1]).float() / 255
        loss = F.cross_entropy(model(pixels), torch.from_numpy(images.labels[row : row + 1]))
        gradients = torch.autograd.grad(loss, parameters)
        norm = float(torch.cat([part.flatten() for part in gradients]).norm())
        norms.append(norm)
        for whole, part in zip(total, gradients, strict=True):
            whole += part * min(1.0, 0.5 / norm)
    assert min(norms) > 0.5
    rate = 0.5 * 24 / 256
    wanted = torch.cat(
        [(p - rate * t / 24).detach().flatten() for p, t in zip(parameters, total, strict=True)]
    )
    assert torch.allclose(run(training), wanted, atol=1e-6)


def test_noise_has_its_deviation_and_an_empty_sample_is_noise_alone(images, monkeypatch):
    options = replace(OPTIONS, noise_multiplier=3.0, max_grad_norm=0.5, epochs=1, batch_size=24)
    training = private_training(images, options)
    before = torch.cat([part.detach().flatten() for part in training.model.parameters()])
    monkeypatch.setattr(training, "sample", lambda _: np.array([], dtype=np.int64))
    moved = (run(training) - before) / (0.5 * 24 / 256) * 24
    # Noise of deviation 3 · 0.5 on each of n parameters: six standard errors of the deviation.
    assert abs(float(moved.std()) / 1.5 - 1) < 6 / np.sqrt(2 * len(moved))
    assert abs(float(moved.mean())) < 6 * 1.5 / np.sqrt(len(moved))
    assert np.isnan(training.trained()[0].loss)


def test_noise_repeats_for_a_model_and_differs_between_models(images):
    one, again, other = (run(private_training(images, OPTIONS, model)) for model in (0, 0, 1))
    assert torch.equal(one, again)
    assert float((one - other).abs().max()) > 1e-2


def test_a_member_is_sampled_with_the_rate_that_is_accounted(images):
    training = private_training(images, OPTIONS)
    samples = [training.sample(step) for step in range(400)]
    sizes = np.array([len(sample) for sample in samples])
    # Rate 1 / 3 of 24 members: binomial, not a fixed size.
    assert abs(sizes.mean() - 8) < 6 * np.sqrt(24 * 2 / 9 / 400)
    assert sizes.std() > 1
    assert all(sample.max(initial=0) < 24 for sample in samples)


def test_the_accountant_reaches_the_target_and_grows_with_steps():
    noise = noise_for(2.0, 1e-5, 0.02, 300, "rdp")
    assert 1.9 < accounted_epsilon(noise, 0.02, 300, 1e-5, "rdp") <= 2.0
    assert accounted_epsilon(noise, 0.02, 600, 1e-5, "rdp") > 2.0
    assert accounted_epsilon(4.0, 0.02, 20, 1e-5, "prv") < accounted_epsilon(
        4.0, 0.02, 20, 1e-5, "rdp"
    )
    with pytest.raises(ImprintError, match="no noise reaches epsilon 1e-12"):
        noise_for(1e-12, 1e-5, 1.0, 1, "rdp")


@pytest.mark.parametrize(
    "budget", [{"noise_multiplier": 0.05}, {"noise_multiplier": 0.0, "epsilon": 60.0}]
)
def test_a_budget_beyond_the_tight_accountant_is_rejected_before_training(images, budget):
    with pytest.raises(ImprintError, match="choose the accountant rdp"):
        private_training(images, replace(OPTIONS, accountant="prv", **budget))


def test_a_private_cohort_keeps_its_accounts_in_the_cards(images, tmp_path):
    options = replace(OPTIONS, noise_multiplier=0.0, epsilon=8.0)
    found = train_cohort(Study(tmp_path), images, Masks(MEMBERS), options, 3, CPU)
    for file, steps in zip(found.weights, (3, 4), strict=True):
        spent = read_card(file).training["privacy"]
        assert 7.5 < spent["epsilon"] <= 8.0
        assert (spent["steps"], spent["sample_rate"]) == (2 * steps, 1 / steps)
        assert (spent["delta"], spent["clip"], spent["accountant"]) == (1e-5, 1.0, "rdp")
    model = load_model(found.weights[0])
    kinds = {type(module).__name__ for module in model.modules()}
    assert "GroupNorm" in kinds
    assert not any("BatchNorm" in kind for kind in kinds)
    assert not any("running_mean" in name for name in load_file(found.weights[0]))


def test_a_card_leaves_out_what_is_not_a_number(images, tmp_path, monkeypatch):
    monkeypatch.setattr(PrivateTraining, "sample", lambda *_: np.array([], dtype=np.int64))
    options = replace(OPTIONS, noise_multiplier=1e-6)
    found = train_cohort(Study(tmp_path), images, Masks(MEMBERS[:1]), options, 3, CPU)
    training = read_card(found.weights[0]).training
    assert (training["loss"], training["accuracy"]) == (None, None)
    assert training["privacy"]["epsilon"] is None or training["privacy"]["epsilon"] > 1e6


def test_group_norms_are_those_of_the_validator(images):
    from opacus.validators import ModuleValidator

    options = dict(OPTIONS.architecture_options, width="48")
    fixed = ModuleValidator.fix(build_network("patch_convnet", 3, 3, 12, options))
    named = build_network(
        "imprint.nets.group_norm:build", 3, 3, 12, {**options, "of": "patch_convnet"}
    )
    assert str(named) == str(fixed)
    assert "GroupNorm(16, 48" in str(named)


def test_missing_opacus_is_an_error_with_the_extra_to_install(images, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "opacus", None)
    with pytest.raises(ImprintError, match=r"pip install 'imprint\[privacy\]'"):
        train_cohort(Study(tmp_path), images, Masks(MEMBERS), OPTIONS, 3, CPU)
    assert not (tmp_path / "models").exists()


def test_a_layer_that_cannot_be_private_is_rejected(images, tmp_path, monkeypatch):
    monkeypatch.setattr(user_code, "_trusted", {f"{__name__}:tracking"})
    options = replace(OPTIONS, architecture=f"{__name__}:tracking", architecture_options=())
    with pytest.raises(ImprintError, match="cannot be trained by DP-SGD"):
        train_cohort(Study(tmp_path), images, Masks(MEMBERS), options, 3, CPU)


def test_wrong_gradients_of_single_examples_are_rejected(images):
    training = private_training(images, OPTIONS)
    module = training._module
    pixels = torch.from_numpy(images.pixels[:4]).float() / 255
    with pytest.warns(UserWarning, match="backward hook"):
        module(pixels).sum().backward()
    private.check_gradients(module.named_parameters())
    first = next(iter(module.parameters()))
    first.grad_sample = first.grad_sample.flip(2)
    with pytest.raises(ImprintError, match="do not add up"):
        private.check_gradients(module.named_parameters())


def tracking(channels, outputs, input_size):
    return torch.nn.Sequential(
        torch.nn.InstanceNorm2d(channels, affine=True, track_running_stats=True),
        torch.nn.Flatten(),
        torch.nn.Linear(channels * input_size**2, outputs),
    )


def test_a_schedule_for_a_secret_number_of_members_does_not_count_them(images):
    def schedule(size, expected):
        members = np.arange(48)[None] < size
        (plan,) = plan_models(members, [0], OPTIONS, 5, expected)
        training = PrivateTraining(
            plan, load_resident(images, 12, CPU), cohort_card(images, OPTIONS), OPTIONS
        )
        told = training.trained()[0].privacy
        return told["sample_rate"], told["steps"], training._optimizer.expected_batch_size

    assert schedule(23, 32) == schedule(40, 32) == schedule(32, None) == (1 / 4, 8, 8)
    assert schedule(23, None)[:2] == (1 / 2, 4)
    (plan,) = plan_models(
        np.arange(48)[None] < 24, [0], replace(OPTIONS, noise_multiplier=0.0), 5, expected=32
    )
    assert (plan.per_epoch, plan.expected) == (3, 24)
