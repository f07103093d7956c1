"""JSMA (Papernot et al. 2016): few pixels changed as far as they go, towards a random class."""

from __future__ import annotations

from typing import Any

from imprint.perturb.adversarial import BATCH, AttackOptions, adversarial_attack

PIXEL_SHARE = 0.1
"""Of all values of an input that may change."""


@adversarial_attack("jsma", "Jacobian saliency maps: few pixels (slow)", takes_labels=False)
def jsma(classifier: Any, options: AttackOptions) -> Any:
    """Return ART's attack."""
    from art.attacks.evasion import SaliencyMapMethod

    return SaliencyMapMethod(
        classifier, theta=1.0, gamma=PIXEL_SHARE, batch_size=BATCH, verbose=False
    )
