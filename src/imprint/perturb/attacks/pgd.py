"""Projected gradient descent (Madry et al. 2018): steps within ε, from a random place in it."""

from __future__ import annotations

from typing import Any

from imprint.perturb.adversarial import BATCH, AttackOptions, adversarial_attack


@adversarial_attack("pgd", "projected gradient descent: steps from a random start")
def pgd(classifier: Any, options: AttackOptions) -> Any:
    """Return ART's attack; without a random start it would be bim."""
    from art.attacks.evasion import ProjectedGradientDescent

    return ProjectedGradientDescent(
        classifier,
        eps=options.epsilon,
        eps_step=options.step,
        max_iter=options.steps,
        num_random_init=1,
        batch_size=BATCH,
        verbose=False,
    )
