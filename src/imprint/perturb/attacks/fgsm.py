"""The fast gradient sign method (Goodfellow, Shlens, Szegedy 2015): one step of size ε."""

from __future__ import annotations

from typing import Any

from imprint.perturb.adversarial import BATCH, AttackOptions, adversarial_attack


@adversarial_attack("fgsm", "fast gradient sign method: one step")
def fgsm(classifier: Any, options: AttackOptions) -> Any:
    """Return ART's attack."""
    from art.attacks.evasion import FastGradientMethod

    return FastGradientMethod(classifier, eps=options.epsilon, batch_size=BATCH)
