"""Many attacks on one target, and one attack on every model of a cohort."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.lenses.membership.attack_kit.attack import ATTACKS, Attack, AttackSettings, Evidence
from imprint.lenses.membership.cohort.references import Cohort, References

DEFAULT_ATTACK = "stacked"
"""The attack to take where one is chosen before anything is known of the model."""


def choose_attacks(names: Sequence[str], without: Collection[str] = ()) -> list[Attack]:
    """Return the attacks of these names, or every one for ``all``.

    Args:
        names: of attacks.
        without: kinds of signal that are not measured; ``all`` leaves out attacks that read
            nothing else.

    Raises:
        ImprintError: an unknown name, or no name.
    """
    wanted = ATTACKS.names() if "all" in names else list(dict.fromkeys(names))
    if not wanted:
        raise ImprintError(f"no attack chosen: choose all, or from {', '.join(ATTACKS.names())}")
    attacks = [ATTACKS.get(name) for name in wanted]
    return [each for each in attacks if "all" not in names or not set(each.reads) <= set(without)]


@dataclass(frozen=True)
class Scored:
    """The scores of some attacks.

    Attributes:
        scores: by attack, float64 ``[N]`` (``[K, N]`` of a cohort), larger where membership is more
            likely.
        reads: by attack, the kind of signal it read.
        skipped: by attack that could not be run, why.
    """

    scores: Mapping[str, FloatArray]
    reads: Mapping[str, str]
    skipped: Mapping[str, str]


def run_attacks(
    evidence: Evidence, attacks: Sequence[Attack], settings: AttackSettings | None = None
) -> Scored:
    """Return the scores of one target's records; attacks that lack something are skipped.

    Raises:
        ImprintError: a setting out of range, or a score that is not finite.
    """
    scores, reads, skipped = {}, {}, {}
    for attack in attacks:
        reason, kind = attack.missing(evidence), attack.kind(evidence)
        if reason is not None or kind is None:
            skipped[attack.name] = str(reason)
            continue
        scores[attack.name] = attack.score(evidence, settings)
        reads[attack.name] = kind
    return Scored(scores, reads, skipped)


def attack_cohort(
    cohort: Cohort,
    attacks: Sequence[Attack],
    settings: AttackSettings | None = None,
    others: Mapping[str, FloatArray] | None = None,
) -> Scored:
    """Return the scores of every model of a cohort as the target, with the others as references.

    Sums over the cohort are made once and the target taken out of them, so that all K targets
    cost O(K·A·N) as a rule (BASE and RMIA: K² additions a record). Of an exactly balanced cohort
    a partner is taken out with the target; see :mod:`imprint.lenses.membership.cohort.references`.

    Args:
        cohort: two models or more; its ``population`` serves as each target's own.
        attacks: which to run.
        settings: of the attacks.
        others: further signals of each model as a target, float64 ``[K, A, N]``, e.g. ``mentr``.

    Raises:
        ImprintError: fewer than two models, or as :func:`run_attacks`.
    """
    if len(cohort) < 2:
        raise ImprintError("a cohort of one model has no references: give a cohort of two or more")
    rows = [
        run_attacks(cohort_target(cohort, row, others), attacks, settings)
        for row in range(len(cohort))
    ]
    # An attack that one target lacks is left out, else its mean would be over other models.
    skipped = {name: reason for row in rows for name, reason in row.skipped.items()}
    done = [attack.name for attack in attacks if attack.name not in skipped]
    return Scored(
        {name: np.stack([row.scores[name] for row in rows]) for name in done},
        {name: rows[0].reads[name] for name in done},
        skipped,
    )


def cohort_target(
    cohort: Cohort, row: int, others: Mapping[str, FloatArray] | None = None
) -> Evidence:
    """Return what is known about one model of a cohort as the target; arguments as above."""
    signals = {**cohort.signals, **(others or {})}
    return Evidence(
        {kind: values[row] for kind, values in signals.items()},
        References(cohort, row),
        {kind: values[row] for kind, values in cohort.population.items()},
    )
