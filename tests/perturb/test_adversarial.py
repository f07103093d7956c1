from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from torch import nn

from imprint.core.errors import ImprintError
from imprint.nets.image_model import ImageModel
from imprint.nets.outputs import OutputRule
from imprint.perturb.adversarial import ADVERSARIAL_ATTACKS, AttackOptions, attack
from imprint.perturb.adversarial_set import predict

LOOSE = AttackOptions(epsilon=0.4, steps=5)


@pytest.mark.parametrize("name", ["bim", "cw", "deepfool", "fgsm", "jsma", "pgd"])
def test_attacks_stay_in_range_and_leave_the_network_as_it_was(
    linear: ImageModel, inputs: np.ndarray, name: str
) -> None:
    labels = predict(linear, inputs)
    linear.train()
    linear.network.eval()
    modes = [module.training for module in linear.modules()]
    before = inputs.copy()
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    found = attack(linear, inputs, labels, name, LOOSE, 0)
    assert [module.training for module in linear.modules()] == modes
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002
    assert np.array_equal(inputs, before)
    assert found.dtype == np.float32
    assert found.shape == inputs.shape
    assert found.min() >= 0
    assert found.max() <= 1
    again = attack(linear, inputs, labels, name, LOOSE, 0)
    assert np.array_equal(found, again)
    if name in ("fgsm", "bim", "pgd"):
        assert np.abs(found - inputs).max() <= 0.4 + 1e-6
    assert (predict(linear, found) != labels).mean() > (0 if name in ("cw", "jsma") else 0.5)


def test_fgsm_is_a_step_along_the_sign_of_the_gradient(
    linear: ImageModel, inputs: np.ndarray
) -> None:
    labels = predict(linear, inputs)
    images = torch.from_numpy(inputs).requires_grad_()
    loss = nn.functional.cross_entropy(linear(images), torch.from_numpy(labels), reduction="sum")
    (gradient,) = torch.autograd.grad(loss, images)
    expected = np.clip(inputs + 0.1 * gradient.sign().numpy(), 0, 1)
    found = attack(linear, inputs, labels, "fgsm", AttackOptions(epsilon=0.1), 0)
    assert found == pytest.approx(expected, abs=1e-6)


def test_batch_norm_keeps_its_statistics(inputs: np.ndarray) -> None:
    norm = nn.BatchNorm2d(1)
    network = nn.Sequential(norm, nn.Flatten(), nn.Linear(16, 3))
    model = ImageModel(network, 1, 4, (0.0,), (1.0,), output=OutputRule(outputs=3))
    norm.train()
    attack(model, inputs, np.zeros(12, dtype=np.int64), "fgsm", AttackOptions(), 0)
    assert norm.training
    assert norm.running_mean is not None
    assert norm.running_mean.tolist() == [0.0]


def test_a_random_start_sets_pgd_apart_from_bim(linear: ImageModel, inputs: np.ndarray) -> None:
    labels = predict(linear, inputs)
    options = AttackOptions(epsilon=0.05, steps=1)
    found = [attack(linear, inputs, labels, name, options, 0) for name in ("bim", "pgd")]
    assert not np.array_equal(*found)


def test_mistakes_are_one_sentence(
    linear: ImageModel, inputs: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = np.zeros(12, dtype=np.int64)
    with pytest.raises(ImprintError, match=r"must be in \[0, 1\]"):
        attack(linear, inputs * 255, labels, "fgsm", LOOSE, 0)
    with pytest.raises(ImprintError, match="unknown adversarial attack"):
        attack(linear, inputs, labels, "luck", LOOSE, 0)
    monkeypatch.setitem(sys.modules, "art", None)
    with pytest.raises(ImprintError, match=r"imprint\[attacks\]"):
        attack(linear, inputs, labels, "fgsm", LOOSE, 0)
    assert set(ADVERSARIAL_ATTACKS.names()) >= {"fgsm", "bim", "pgd", "deepfool", "jsma", "cw"}
