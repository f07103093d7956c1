"""How networks fit their members: the network under audit, its shadow models, a cohort."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imprint.core.arrays import BoolArray
from imprint.core.progress import warn
from imprint.lenses.membership.findings import BothSides, MembershipFindings, ShadowFit, Triage
from imprint.lenses.membership.study.model_signals import ModelSignals

MAX_SHADOW_ACCURACY_GAP = 0.05
"""Difference of training accuracies up to which shadow models fit as the network does."""
NEAR_CHANCE_FACTOR = 1.5
"""How many times the accuracy of guessing still counts as guessing."""


def measure_shadow_fit(shadows: Sequence[ModelSignals], masks: BoolArray) -> ShadowFit:
    """Return the accuracy of shadow models on their own members and on the other records.

    A shadow model stands for the network only where it fits its members as the network does.
    """
    right = np.zeros((len(shadows), 2))
    for row, (shadow, mask) in enumerate(zip(shadows, masks, strict=True)):
        right[row] = np.count_nonzero(shadow.correct[mask]), np.count_nonzero(shadow.correct[~mask])
    of_members, of_others = right.sum(axis=0)
    accuracy = BothSides(
        float(of_members / np.count_nonzero(masks)), float(of_others / np.count_nonzero(~masks))
    )
    return ShadowFit(len(shadows), accuracy)


def warn_if_network_near_chance(triage: Triage, classes: int) -> list[str]:
    """Warn where the network is hardly better than guessing on its members.

    Returns:
        The sentence, or nothing.
    """
    right = triage.accuracy.members
    if right >= NEAR_CHANCE_FACTOR / classes:
        return []
    return _warn(
        f"the network classifies only {right:.0%} of its members correctly, where guessing gives "
        f"{1 / classes:.0%}: check that its outputs are in the order of the class folders, and "
        "that it was trained"
    )


def warn_if_models_near_chance(right: float, classes: int) -> list[str]:
    """Warn where the models of a cohort are hardly better than guessing on their members.

    Args:
        right: accuracy on their members.
        classes: how many.

    Returns:
        The sentence, or nothing.
    """
    if right >= NEAR_CHANCE_FACTOR / classes:
        return []
    return _warn(
        f"the models classify only {right:.0%} of their own members correctly, where guessing "
        f"gives {1 / classes:.0%}: train them longer (--train.epochs), or the results say nothing "
        "about trained models"
    )


def warn_if_shadows_fit_differently(findings: MembershipFindings) -> list[str]:
    """Warn where shadow models fit their members otherwise than the network fits its own.

    Returns:
        The sentence, or nothing.
    """
    if findings.shadows is None or findings.triage is None:
        return []
    own = findings.triage.accuracy.members
    theirs = findings.shadows.accuracy.members
    if abs(own - theirs) <= MAX_SHADOW_ACCURACY_GAP:
        return []
    return _warn(
        f"shadow models classify {theirs:.0%} of their members correctly, the network {own:.0%}: "
        f"train them {'longer' if theirs < own else 'less'} (--train.epochs), or attacks with "
        "reference models mislead"
    )


def _warn(sentence: str) -> list[str]:
    warn(sentence)
    return [sentence]
