"""The basic iterative method (Kurakin, Goodfellow, Bengio 2017): steps within ε, from the input."""

from __future__ import annotations

from typing import Any

from imprint.perturb.adversarial import BATCH, AttackOptions, adversarial_attack


@adversarial_attack("bim", "basic iterative method: steps from the input")
def bim(classifier: Any, options: AttackOptions) -> Any:
    """Return ART's attack."""
    from art.attacks.evasion import BasicIterativeMethod

    return BasicIterativeMethod(
        classifier,
        eps=options.epsilon,
        eps_step=options.step,
        max_iter=options.steps,
        batch_size=BATCH,
        verbose=False,
    )
