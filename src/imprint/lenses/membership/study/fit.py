"""How networks fit their members: the network under audit, and the shadows that stand for it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imprint.core.arrays import BoolArray
from imprint.core.progress import log
from imprint.lenses.membership.attack.evaluation import BothSides
from imprint.lenses.membership.attack.triage import Triage
from imprint.lenses.membership.findings import MembershipFindings, ShadowFit
from imprint.lenses.membership.study.signals import Answers

MISFIT = 0.05
"""Difference of training accuracies from which shadows are said not to fit."""
HARDLY = 1.5
"""How many times the accuracy of guessing is still taken for guessing."""


def shadow_fit(shadows: Sequence[Answers], masks: BoolArray) -> ShadowFit:
    """Return how many of their own members, and of the other records, shadows get right.

    A shadow stands for the network only where it fits its members as the network does.
    """
    right = np.stack([shadow.correct for shadow in shadows])
    return ShadowFit(
        len(shadows), BothSides(float(right[masks].mean()), float(right[~masks].mean()))
    )


def tell_order(first: Triage, classes: int) -> list[str]:
    """Say so where the network is hardly better than guessing on images it was trained on.

    Returns:
        The sentence, or nothing.
    """
    right = first.accuracy.members
    if right >= HARDLY / classes:
        return []
    return _said(
        f"the network gets only {right:.0%} of its members right, and guessing "
        f"{1 / classes:.0%}: check that its outputs are in the order of the class folders, and "
        "that it was trained"
    )


def tell_untrained(right: float, classes: int) -> list[str]:
    """Say so where the models of a cohort are hardly better than guessing on their members.

    Returns:
        The sentence, or nothing.
    """
    if right >= HARDLY / classes:
        return []
    return _said(
        f"the models get only {right:.0%} of their own members right, and guessing "
        f"{1 / classes:.0%}: train them longer (--train.epochs), or the cohort says nothing of "
        "models that have learnt"
    )


def tell_misfit(findings: MembershipFindings) -> list[str]:
    """Say so where shadows fit their members otherwise than the network fits its own.

    Returns:
        The sentence, or nothing.
    """
    if findings.shadows is None or findings.triage is None:
        return []
    own = findings.triage.accuracy.members
    theirs = findings.shadows.accuracy.members
    if abs(own - theirs) <= MISFIT:
        return []
    return _said(
        f"shadows get {theirs:.0%} of their members right, the network {own:.0%}: "
        f"train them {'longer' if theirs < own else 'less'} (--train.epochs), "
        "or attacks with references mislead"
    )


def _said(sentence: str) -> list[str]:
    log(sentence)
    return [sentence]
