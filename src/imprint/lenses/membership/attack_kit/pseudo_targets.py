"""Reference models in the target's place: what learned and tuned attacks are trained on.

Which records a reference model was trained on is known, so it can stand in for the target, with
the other references as its own; what is learned on all of them is applied to the target, whose
membership is never read. A pseudo-target has fewer references than the target: itself, and in a
balanced cohort a partner of the opposite side a record, are taken out, for else the counts tell its
membership and a classifier learns them (:mod:`imprint.lenses.membership.cohort.references`).

With the target inside a balanced cohort the partner comes from the models that are left without
the target and *its* partner. Where a pseudo-target is that partner itself, its side is the opposite
of the target's: the record is not usable, since its label would tell the target's.

O(A·N) a pseudo-target for moments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.seeds import generator
from imprint.lenses.membership.attack_kit.attack import Evidence
from imprint.lenses.membership.cohort.partners import Partners, draw_partners
from imprint.lenses.membership.cohort.references import Cohort, References


@dataclass(frozen=True)
class PseudoTarget:
    """One reference model in the target's place.

    Attributes:
        row: its row in the cohort.
        evidence: its signals, the references left without it, its population records.
        members: bool ``[N]``, the records it was trained on.
        usable: bool ``[N]``, records on which it can be judged.
    """

    row: int
    evidence: Evidence
    members: BoolArray
    usable: BoolArray


@dataclass(frozen=True)
class Examples:
    """Records as pseudo-targets answer to them, with the answer to membership.

    Attributes:
        features: float64 ``[M, F]``.
        members: bool ``[M]``, whether the pseudo-target was trained on the record.
        record: int64 ``[M]``.
        row: int64 ``[M]``, of the pseudo-target in the cohort.
    """

    features: FloatArray
    members: BoolArray
    record: IntArray
    row: IntArray


def pseudo_targets(
    evidence: Evidence, most: int | None = None, seed: int = 0
) -> Iterator[PseudoTarget]:
    """Yield references in the target's place, those that leave themselves some references.

    There are none of a single reference, nor of four models in a balanced cohort with the target
    among them.

    Args:
        evidence: of the target; without references there is nothing to yield.
        most: pseudo-targets at most, drawn at random; None for all.
        seed: of that choice.
    """
    references = evidence.references
    if references is None:
        return
    cohort, partners = references.cohort, _partners(references)
    for row in _choose_rows(references, most, seed):
        pseudo = _replace_target(references, row, partners)
        usable = references.used_by(row) & (sum(pseudo.counts) > 0)
        if usable.any():
            yield PseudoTarget(row, _signals_of(cohort, row, pseudo), cohort.members[row], usable)


def collect_examples(
    evidence: Evidence,
    features: Callable[[Evidence], FloatArray],
    most: int | None = None,
    most_examples: int | None = None,
    seed: int = 0,
) -> Examples | None:
    """Return the usable records of all pseudo-targets with their features; None without any.

    Args:
        evidence: of the target.
        features: of one (pseudo-)target, float64 ``[N, F]``.
        most: pseudo-targets at most.
        most_examples: examples at most, in all; records are drawn at random for each
            pseudo-target. None for all.
        seed: of both choices.
    """
    parts = []
    for pseudo in pseudo_targets(evidence, most, seed):
        record = np.flatnonzero(pseudo.usable)
        if most_examples is not None:
            chosen = _choose_rows(evidence.reference_models, most, seed)
            drawn = generator(seed, "examples", pseudo.row).permutation(record)
            record = np.sort(drawn[: max(1, most_examples // len(chosen))])
        row = np.full(len(record), pseudo.row)
        parts.append((features(pseudo.evidence)[record], pseudo.members[record], record, row))
    if not parts:
        return None
    return Examples(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _choose_rows(references: References, most: int | None, seed: int) -> list[int]:
    """Return the models that are references of some record, at most that many."""
    rows = np.array(
        [row for row in range(len(references.cohort)) if references.used_by(row).any()], dtype=int
    )
    if most is not None and len(rows) > most:
        rows = np.sort(generator(seed, "pseudo-targets").permutation(rows)[:most])
    return [int(row) for row in rows]


def _partners(references: References) -> Partners | None:
    """Return the partners among the models left without the target, ``[K, N]``."""
    if references.target is None:
        return references.cohort.partners
    return draw_partners(references.cohort.members, references.used)


def _replace_target(references: References, row: int, partners: Partners | None) -> References:
    """Return the references of a pseudo-target."""
    cohort = references.cohort
    if references.target is None:
        return References(cohort, row)
    own = np.full(cohort.members.shape[1], row)
    if partners is None:
        # Masks drawn independently: the counts of the others reveal nothing.
        complement = cohort.complements[row]
        pair = (own,) if complement < 0 else (own, np.full_like(own, complement))
        return replace(references, pseudo_target=row, removed=pair)
    # A record whose partner of the target this is loses any other pair; it is not usable anyway.
    instead = np.argmax(references.used, axis=0)
    own = np.where(references.used_by(row), row, instead)
    partner = np.take_along_axis(partners, own[None], axis=0)[0].astype(np.int64)
    return replace(references, pseudo_target=row, removed=(own, partner))


def _signals_of(cohort: Cohort, row: int, references: References) -> Evidence:
    return Evidence(
        {kind: values[row] for kind, values in cohort.signals.items()},
        references,
        {kind: values[row] for kind, values in cohort.population.items()},
    )
