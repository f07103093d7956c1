"""RaMIA over the views of a record: the trimmed mean of an attack's scores on each view.

The views of a record (augmentations, samples around it) are its range;
:mod:`imprint.lenses.membership.attack_kit.ranges`. Where other attacks average signals or
likelihood ratios over all views, this averages the scores of ``base_attack`` over some: how many
and from which end is chosen on at most 8 reference models, each in the target's place, or given by
``kept`` and ``side``. It needs several views.

Tao, Shokri 2024, arXiv 2408.05131.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Literal

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.core.bounds import Bounds, Checked
from imprint.core.errors import ImprintError
from imprint.lenses.membership.attack_kit.attack import ATTACKS, Attack, Evidence, attack
from imprint.lenses.membership.attack_kit.pseudo_targets import pseudo_targets
from imprint.lenses.membership.attack_kit.ranges import (
    LabelledRanges,
    Trim,
    choose_trim,
    trimmed_mean,
)

MAX_PSEUDO_TARGETS = 8
"""Reference models that the trim is chosen on: it has two numbers, and each has all records."""


@dataclass(frozen=True)
class RamiaOptions(Checked):
    """Settings of RaMIA."""

    base_attack: str = "rmia"
    """The attack that scores each view."""
    kept: Annotated[int, Bounds(least=0)] = 0
    """Views whose scores are averaged; 0: number and side are chosen on the references."""
    side: Literal["highest", "lowest"] = "highest"
    """Which scores are kept, where their number is given."""


@attack("ramia", reads=("phi", "loss"), sides="any", views=2, options=RamiaOptions)
def ramia(evidence: Evidence, kind: str, options: RamiaOptions) -> FloatArray:
    """Return the trimmed mean over views, float64 ``[N]``, in the unit of the base attack."""
    base = ATTACKS.get(options.base_attack)
    views = len(evidence.target[kind])
    if options.kept > views:
        raise ImprintError(
            f"ramia.kept must be at most {views}, the number of views, got {options.kept}"
        )
    scores = _score_views(evidence, base, kind)
    if options.kept:
        trim = Trim(options.kept, options.side)
    else:
        trim = choose_trim(views, _reference_scores(evidence, base, kind))
    return trimmed_mean(scores, trim)


def _reference_scores(evidence: Evidence, base: Attack, kind: str) -> list[LabelledRanges]:
    """Return the scores of pseudo-targets that the base attack can be run on."""
    labelled = []
    for pseudo in pseudo_targets(evidence, MAX_PSEUDO_TARGETS):
        members = pseudo.members[pseudo.usable]
        both = members.any() and not members.all()
        if both and base.missing(_view(pseudo.evidence, 0)) is None:
            scores = _score_views(pseudo.evidence, base, kind)
            labelled.append(LabelledRanges(scores[:, pseudo.usable], members))
    return labelled


def _score_views(evidence: Evidence, base: Attack, kind: str) -> FloatArray:
    """Return the base attack's scores of each view, float64 ``[A, N]``."""
    views = range(len(evidence.target[kind]))
    return np.stack([base.score(_view(evidence, view)) for view in views])


def _view(evidence: Evidence, view: int) -> Evidence:
    """Return what is known of one view alone."""
    references = evidence.reference_models
    one = slice(view, view + 1)
    return Evidence(
        {kind: values[one] for kind, values in evidence.target.items() if len(values) > view},
        replace(references, cohort=references.cohort.view(view)),
        {kind: values[one] for kind, values in evidence.population.items() if len(values) > view},
    )
