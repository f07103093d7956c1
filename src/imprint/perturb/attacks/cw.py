"""Carlini and Wagner 2017 in L2: the least squared change that a margin of logits allows."""

from __future__ import annotations

from typing import Any

from imprint.perturb.adversarial import BATCH, AttackOptions, adversarial_attack

TRADE = 10.0
"""Of the margin against the squared change."""
RATE = 0.01


@adversarial_attack("cw", "Carlini and Wagner, L2: least squared change (very slow)")
def cw(classifier: Any, options: AttackOptions) -> Any:
    """Return ART's attack with one constant: a search takes many times as long."""
    from art.attacks.evasion import CarliniL2Method

    return CarliniL2Method(
        classifier,
        confidence=0.0,
        learning_rate=RATE,
        binary_search_steps=1,
        max_iter=options.steps,
        initial_const=TRADE,
        batch_size=BATCH,
        verbose=False,
    )
