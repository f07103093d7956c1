"""Adversarial inputs of a network, by the Adversarial Robustness Toolbox (ART).

Attacks work on pixels in [0, 1]: normalisation is inside the network, so that ε is what it says and
nothing leaves the range. ART leaves a network in evaluation mode, takes integers without a word and
draws from NumPy's global generator; here the mode is restored, inputs are checked, and the seed is
set and restored.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import torch
from torch import nn

from imprint.core.arrays import IntArray
from imprint.core.bounds import Bounds, Checked
from imprint.core.errors import ImprintError
from imprint.core.extras import import_art
from imprint.core.registry import Registry
from imprint.core.seeds import derive, numpy_global_seed
from imprint.nets.image_model import ImageModel
from imprint.perturb.noise import Inputs, check_inputs
from imprint.probe.signals.precision import full_float32

BATCH = 64
STEP_SHARE = 2.5
"""All steps together, as a multiple of ε (Madry et al. 2018)."""


@dataclass(frozen=True, kw_only=True)
class AttackOptions(Checked):
    """How hard an attack tries."""

    epsilon: Annotated[float, Bounds(above=0, most=1)] = 8 / 255
    """Largest change of a pixel by fgsm, bim and pgd, in units of [0, 1]; usual: 0.3 on MNIST."""
    steps: Annotated[int, Bounds(least=1)] = 20
    """Steps of bim, pgd, deepfool and cw."""

    @property
    def step(self) -> float:
        """Largest change of a pixel in one step."""
        return min(self.epsilon, STEP_SHARE * self.epsilon / self.steps)


@dataclass(frozen=True)
class AdversarialAttack:
    """One attack.

    Attributes:
        name: on the command line.
        words: what it is.
        make: ART's attack on a classifier.
        takes_labels: whether it leads away from the label; else it chooses a class to lead to.
    """

    name: str
    words: str
    make: Callable[[Any, AttackOptions], Any]
    takes_labels: bool = True


ADVERSARIAL_ATTACKS: Registry[AdversarialAttack] = Registry(
    "adversarial attack", "imprint.perturb.attacks", group="imprint.adversarial_attacks"
)

Make = Callable[[Any, AttackOptions], Any]


def adversarial_attack(
    name: str, words: str, *, takes_labels: bool = True
) -> Callable[[Make], Make]:
    """Return a decorator that registers a function which makes ART's attack on a classifier."""

    def enter(make: Make) -> Make:
        entry = AdversarialAttack(name, words, make, takes_labels)
        ADVERSARIAL_ATTACKS.register(name)(entry)
        return make

    return enter


def attack(
    model: ImageModel,
    inputs: Inputs,
    labels: IntArray,
    name: str,
    options: AttackOptions,
    seed: int,
) -> Inputs:
    """Return adversarial inputs, float32 ``[n, channels, H, W]`` in [0, 1].

    Args:
        model: a classifier; its mode and device are as before when this returns.
        inputs: float32 ``[n, channels, H, W]`` in [0, 1].
        labels: int64 ``[n]``, the classes to lead away from.
        name: of the attack, see ``imprint list adversarial``.
        options: of the attack.
        seed: of what it draws; these inputs together give the same with the same seed.

    Raises:
        ImprintError: ART is not installed, no such attack, no classifier, inputs that are not in
            [0, 1], or a network that answers with what is not finite.
    """
    check_inputs(inputs)
    chosen = ADVERSARIAL_ATTACKS.get(name)
    import_art()
    if not model.has_logits:
        raise ImprintError("the network has no classifier: attacks need its output")
    device, modes = model.device, {module: module.training for module in model.modules()}
    model.eval()
    try:
        classifier, classes = _classifier(model, inputs)
        made = chosen.make(classifier, options)
        targets = np.eye(classes, dtype=np.float32)[labels]
        with numpy_global_seed(derive(seed, "adversarial", name)), full_float32(device):
            found = made.generate(inputs.copy(), targets if chosen.takes_labels else None)
    finally:
        model.place(device)
        for module, training in modes.items():
            module.training = training
    result = np.asarray(found, dtype=np.float32)
    if not np.isfinite(result).all():
        raise ImprintError(
            f"{name} gave inputs that are not finite: the network's outputs may be, look at them"
        )
    return np.clip(result, 0, 1)


def _classifier(model: ImageModel, inputs: Inputs) -> tuple[Any, int]:
    """Return a network as ART knows it, and how many classes it has."""
    from art.estimators.classification import PyTorchClassifier

    with torch.no_grad():
        logits = model(torch.from_numpy(inputs[:1]).to(model.device))
    if not bool(torch.isfinite(logits).all()):
        raise ImprintError("the network's output is not finite: check weights and normalisation")
    classes = int(logits.shape[1])
    classifier = PyTorchClassifier(
        model=model,
        loss=nn.CrossEntropyLoss(),
        input_shape=inputs.shape[1:],
        nb_classes=classes,
        clip_values=(0.0, 1.0),
        device_type="gpu" if model.device.type == "cuda" else "cpu",
    )
    return classifier, classes
