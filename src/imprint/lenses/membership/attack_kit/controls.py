"""Negative controls on arrays: attacks where there is nothing to find, which must be at chance.

A control takes the evidence of the target, its members (bool ``[N]``), the attack, which can be run
on that evidence, the settings of attacks and a seed. Too few members or non-members are an
ImprintError.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from imprint.core.arrays import BoolArray, FloatArray
from imprint.core.seeds import generator
from imprint.lenses.membership.attack_kit.attack import Attack, AttackSettings, Evidence
from imprint.lenses.membership.attack_kit.evaluation import check_both
from imprint.lenses.membership.attack_kit.run import cohort_target
from imprint.lenses.membership.cohort.references import Cohort, References
from imprint.lenses.membership.cohort.stored_signals import whole
from imprint.lenses.membership.findings import CHANCE
from imprint.stats.control import Control
from imprint.stats.roc import auc


def permuted_membership(
    evidence: Evidence,
    members: BoolArray,
    attack: Attack,
    settings: AttackSettings | None = None,
    seed: int = 0,
) -> Control:
    """Return the control on shuffled membership: an AUC of one half.

    One permutation of the records moves the masks of all models and of the target alike, so
    counts stay as they are and signals do not change. The whole attack is run again: it fails
    where a score depends on the masks alone. For an attack without masks it checks only the
    arithmetic of the evaluation.
    """
    check_both(members)
    order = generator(seed, "permuted membership", attack.name).permutation(len(members))
    references = evidence.references
    if references is not None:
        cohort = references.cohort
        moved = Cohort(cohort.signals, cohort.members[:, order], cohort.population)
        references = References(moved, references.target)
    shuffled = Evidence(evidence.target, references, evidence.population)
    return _control(
        "Membership shuffled over the records, of the target and of all references alike: "
        "the AUC must be one half.",
        attack.score(shuffled, settings),
        members[order],
    )


def swapped_target(
    evidence: Evidence,
    members: BoolArray,
    attack: Attack,
    settings: AttackSettings | None = None,
    seed: int = 0,
) -> Control | None:
    """Return the control on a reference in the target's place, under the target's labels.

    A reference was trained on its own records, so its scores carry nothing about the target's
    members. It fails where members differ from non-members before any training, in difficulty
    or source: then every attack measures that difference.

    Returns:
        The control; None when the target is one of the cohort, or when the attack cannot be run
        on a reference with only the other references.
    """
    check_both(members)
    references = evidence.references
    if references is None or references.target is not None or len(references.cohort) < 2:
        return None
    cohort = references.cohort
    row = int(generator(seed, "swapped target", attack.name).integers(len(cohort)))
    swapped = cohort_target(cohort, row)
    if attack.missing(swapped) is not None:
        return None
    return _control(
        "A reference model in the target's place, under the target's labels: "
        "the AUC must be one half.",
        attack.score(swapped, settings),
        members,
    )


def untrained_target(
    untrained: Evidence,
    members: BoolArray,
    attack: Attack,
    settings: AttackSettings | None = None,
) -> Control:
    """Return the control on an untrained network, under the target's labels.

    It fails where members differ from non-members as images, which even an untrained network
    separates: then every attack measures that difference.
    """
    check_both(members)
    return _control(
        "An untrained network of the same architecture in the target's place, under the target's "
        "labels: the AUC must be one half.",
        attack.score(untrained, settings),
        members,
    )


def other_membership(
    cohort: Cohort,
    target: int,
    other: int,
    attack: Attack,
    settings: AttackSettings | None = None,
    others: Mapping[str, FloatArray] | None = None,
    seed: int = 0,
) -> Control | None:
    """Return the control on one model of a cohort, under the membership of another.

    The other model is no reference here: its signals of every record would reveal its members.
    Masks of one cohort are not independent (a balanced one gives each record the same number of
    models), so records are dropped at random until the other's members are half of the target's
    members and half of its non-members.

    Args:
        cohort: four models or more.
        target: the row that is attacked.
        other: the row whose members are the labels.
        attack: one that can be run on the cohort.
        settings: of attacks.
        others: further signals of each model as a target, float64 ``[K, A, N]``.
        seed: chooses what is dropped.

    Returns:
        The control; None when the attack cannot be run without the other model, or when the cohort
        is balanced and read from disk: models would be gathered record by record.

    Raises:
        ImprintError: too few records are left.
    """
    if cohort.is_stored and cohort.partners is not None:
        return None
    own, labels = cohort.members[target], cohort.members[other]
    random = generator(seed, "other membership")
    kept = []
    for side in (own, ~own):
        cells = [random.permutation(np.flatnonzero(side & part)) for part in (labels, ~labels)]
        size = min(len(cell) for cell in cells)
        kept += [cell[:size] for cell in cells]
    rows = np.sort(np.concatenate(kept))
    check_both(labels[rows])
    signals = {
        name: values[target] for name, values in {**cohort.signals, **(others or {})}.items()
    }
    evidence = Evidence(
        signals,
        References(without_model(cohort, other, target, random), 0),
        {name: values[target] for name, values in cohort.population.items()},
    )
    if attack.missing(evidence) is not None:
        return None
    return _control(
        "The target's scores under the membership of another model of the cohort, which is "
        "not a reference: the AUC must be one half.",
        attack.score(evidence, settings)[rows],
        labels[rows],
    )


def without_model(cohort: Cohort, gone: int, first: int, random: np.random.Generator) -> Cohort:
    """Return a cohort without one model; of a balanced one, one row less of the opposite side too.

    So a balanced cohort stays balanced, and counts reveal nothing about the removed model. Rows
    behind the first are then different models from record to record; attacks treat them as
    interchangeable. Where masks are independent, counts of the others reveal nothing to begin
    with, and removing a row by the membership of the removed model would reveal it.

    Args:
        cohort: four models or more.
        gone: the row that goes.
        first: a row that stays, and becomes row 0.
        random: chooses the row of the opposite side.
    """
    models, records = cohort.members.shape
    apart = [row for row in range(models) if row not in (gone, first)]
    if cohort.partners is None:
        left = [first, *apart]
        return Cohort(
            {kind: values[left] for kind, values in cohort.signals.items()},
            cohort.members[left],
            {kind: values[left] for kind, values in cohort.population.items()},
        )
    opposite = cohort.members != cohort.members[gone]
    opposite[first] = False
    drawn = np.where(opposite, random.random((models, records)), -1.0)
    leaves = np.zeros((models, records), dtype=bool)
    leaves[drawn.argmax(axis=0), np.arange(records)] = True
    leaves[gone] = True
    leaves[first] = False
    key = np.arange(models)[:, None] + models * leaves
    key[first] = -1
    rows = np.argsort(key, axis=0)[: models - 2]
    return Cohort(
        {
            kind: np.take_along_axis(whole(values), rows[:, None, :], axis=0)
            for kind, values in cohort.signals.items()
        },
        np.take_along_axis(cohort.members, rows, axis=0),
        {kind: values[[first, *apart[:-1]]] for kind, values in cohort.population.items()},
    )


def _control(what: str, scores: FloatArray, members: BoolArray) -> Control:
    return Control(what, auc(scores[members], scores[~members]), CHANCE)
