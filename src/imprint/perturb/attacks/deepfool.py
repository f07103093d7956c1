"""DeepFool (Moosavi-Dezfooli, Fawzi, Frossard 2016): to the nearest linearised boundary, and on."""

from __future__ import annotations

from typing import Any

from imprint.perturb.adversarial import BATCH, AttackOptions, adversarial_attack

OVERSHOOT = 0.02
"""Beyond the boundary, as published; ART's default leaves most inputs upon it."""


@adversarial_attack("deepfool", "DeepFool: just beyond the nearest boundary")
def deepfool(classifier: Any, options: AttackOptions) -> Any:
    """Return ART's attack."""
    from art.attacks.evasion import DeepFool

    return DeepFool(
        classifier, max_iter=options.steps, epsilon=OVERSHOOT, batch_size=BATCH, verbose=False
    )
