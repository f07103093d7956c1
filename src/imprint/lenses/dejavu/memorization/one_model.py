"""The one-model test: a model trained on the image against what its background reveals.

A model that was trained elsewhere has no second model beside it. In that model's place stands a
reference g, a classifier from background crop to class that was never trained on the crop (see
:mod:`imprint.lenses.dejavu.memorization.references`). With the votes of the model's neighbours on
one side and those of g on the other, everything else is the two-model test in one direction:

    déjà vu(p) = accuracy of the model − accuracy of g, on the p % that each is most confident of
    mem(x) = H_g(x) − H_knn(x) in nats, from −ln k to ln C

Categories and strength of single images, cuts, ties and intervals are those of
:mod:`imprint.lenses.dejavu.memorization.two_model`.

A g that is weaker than a model trained on such data turns correlation into memorization, a stronger
one the reverse. So the score is taken against the most accurate of several references, a claim
about a single image needs that none of them explains it, and where there are non-members, the same
test on them must come out at 0: anything else is the bias of the reference.

Kokhlikyan, Jayaraman, Bordes, Guo, Chaudhuri, "Measuring déjà vu memorization efficiently",
NeurIPS 2024 (arXiv 2504.05651), whose g is trained once, on other images than it predicts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.lenses.dejavu.findings import (
    AgainstNonMembers,
    AgainstReference,
    Claims,
    NonMemberFindings,
    OneModelFindings,
)
from imprint.lenses.dejavu.memorization.agreement import agreement
from imprint.lenses.dejavu.memorization.calibration import Calibrated, calibrate
from imprint.lenses.dejavu.memorization.claims import rank_claims, strength_of_memorized
from imprint.lenses.dejavu.memorization.excess import excess
from imprint.lenses.dejavu.memorization.references import combine, reference_votes, strictest
from imprint.lenses.dejavu.memorization.slices import SlicedImages, class_scores, score_slices
from imprint.lenses.dejavu.memorization.two_model import (
    CATEGORIES,
    Side,
    categories,
    significance,
    two_model,
)
from imprint.lenses.dejavu.memorization.votes import ClassVotes
from imprint.stats.bootstrap import DRAWS
from imprint.stats.proportion import proportion
from imprint.study.tables import Table

COMBINED, STRICTEST = "combined", "strictest"
NO_NON_MEMBERS = "no image with a background is known to be a non-member"


@dataclass(frozen=True)
class OneModelVotes:
    """Images under the model and under every reference.

    Attributes:
        index: int64 ``[n]``, global indices.
        labels: int64 ``[n]``, true classes.
        model: votes of the neighbours under the model.
        references: votes of every reference by name; ``combined`` last where there are several.
        strictest: the maximum of all references.
        name: of the set of images, part of the seed of resamples.
    """

    index: IntArray
    labels: IntArray
    model: ClassVotes
    references: Mapping[str, ClassVotes]
    strictest: ClassVotes
    name: str = "seen"

    def side(self, name: str) -> Side:
        """Return the test against a reference, or against ``strictest``."""
        votes = self.strictest if name == STRICTEST else self.references[name]
        return Side(self.name, self.index, self.labels, self.model, votes)

    @property
    def names(self) -> tuple[str, ...]:
        """The references, then ``strictest``."""
        return (*self.references, STRICTEST)

    @property
    def independent(self) -> dict[str, ClassVotes]:
        """The references without ``combined``, which follows from the others."""
        return {name: votes for name, votes in self.references.items() if name != COMBINED}

    def best(self, top: int = 1) -> str:
        """Return the reference that is right most often; of equal ones the first."""
        right = [votes.hits(self.labels, top).sum() for votes in self.references.values()]
        return tuple(self.references)[int(np.argmax(right))]

    def rows(self, rows: BoolArray, name: str) -> OneModelVotes:
        """Return some of the images under a name of their own."""
        return OneModelVotes(
            self.index[rows],
            self.labels[rows],
            self.model.rows(rows),
            {name: votes.rows(rows) for name, votes in self.references.items()},
            self.strictest.rows(rows),
            name,
        )


@dataclass(frozen=True)
class AttackedCrops:
    """Crops of members, and of non-members for control, under the model and references.

    Attributes:
        index: int64 ``[n]``, global indices.
        labels: int64 ``[n]``.
        members: bool ``[n]``, whether the model was trained on the image.
        model: votes of the neighbours.
        references: log-probabilities ``[n, C]`` by name.
        classes: number of classes C.
        seen_px: float64 ``[n]``, side of the square of the original that the network sees of each
            crop; None where it is not known.
    """

    index: IntArray
    labels: IntArray
    members: BoolArray
    model: ClassVotes
    references: Mapping[str, FloatArray]
    classes: int
    seen_px: FloatArray | None = None

    def __post_init__(self) -> None:
        for name, rows in self.references.items():
            expected = [len(self.labels), self.classes]
            if list(rows.shape) != expected:
                raise ImprintError(
                    f"reference {name} has shape {list(rows.shape)}, expected {expected}, one row "
                    "per crop"
                )


@dataclass(frozen=True)
class OneModelOutcome:
    """The findings, and the votes they rest on.

    Attributes:
        findings: of the test.
        members: votes on images the model was trained on.
        non_members: votes on other images, None without any.
        excluded: bool, which of the members nothing is claimed of.
        by_class: a row a class, the score against the best reference and what of it is more than
            chance (:func:`imprint.lenses.dejavu.memorization.slices.class_scores`).
    """

    findings: OneModelFindings
    members: OneModelVotes
    non_members: OneModelVotes | None
    excluded: BoolArray
    by_class: Table


def one_model(
    crops: AttackedCrops,
    confidences: Sequence[float] = (100, 20),
    top: int = 1,
    seed: int = 0,
    calibrated: bool = True,
    exclude: IntArray | None = None,
    draws: int = DRAWS,
) -> OneModelOutcome:
    """Return the one-model test.

    Args:
        crops: under the model and references.
        confidences: percentages p in (0, 100].
        top: a guess is right when the label is among this many classes.
        seed: of the bootstrap.
        calibrated: take references under their temperatures.
        exclude: global indices of images that nothing is claimed of.
        draws: bootstrap resamples of the test on members.

    Raises:
        ImprintError: no reference, one with a reserved name, or shapes that do not fit.
    """
    scaled = calibrated_references(crops.references, crops.labels, calibrated)
    rows = {name: each.log_probabilities for name, each in scaled.items()}
    everything = collect_votes(crops.index, crops.labels, crops.model, rows)
    members = everything.rows(crops.members, "seen")
    others = everything.rows(~crops.members, "unseen") if not crops.members.all() else None
    listed = np.empty(0, dtype=np.int64) if exclude is None else exclude
    excluded = np.isin(members.index, listed)
    best = members.best(top)
    sliced = _slice_votes(members, best, top, crops.seen_px, crops.members)
    sliced_others = None
    if others is not None:
        sliced_others = _slice_votes(others, best, top, crops.seen_px, ~crops.members)
    findings = OneModelFindings(
        best=best,
        against={
            name: against_reference(members.side(name), confidences, top, seed, draws)
            for name in members.names
        },
        agreement=agreement(members.independent, members.labels, top, seed),
        explained=proportion(int(explained(members, top).sum()), len(members.labels)),
        calibrated=calibrated,
        calibration={name: each.finding for name, each in scaled.items()},
        claims=_count_claims(members, top, excluded),
        non_members=_test_non_members(members, others, listed, confidences, top, seed),
        slices=score_slices(sliced, crops.classes, seed, sliced_others),
    )
    by_class = class_scores(sliced, crops.classes, seed, sliced_others)
    return OneModelOutcome(findings, members, others, excluded, by_class)


def _slice_votes(
    votes: OneModelVotes, best: str, top: int, seen_px: FloatArray | None, rows: BoolArray
) -> SlicedImages:
    """Return the outcome of some images against the best reference, with the sizes of their crops.

    Args:
        votes: of these images.
        best: the reference.
        top: as in the test.
        seen_px: of all images, None where it is not known.
        rows: bool, which of all images these are.
    """
    kinds = categories(votes.side(best), top)
    return SlicedImages(votes.labels, None if seen_px is None else seen_px[rows], kinds)


def calibrated_references(
    references: Mapping[str, FloatArray], labels: IntArray, scaled: bool = True
) -> dict[str, Calibrated]:
    """Return every reference calibrated; of several also ``combined``, calibrated in its turn.

    Args:
        references: log-probabilities ``[n, C]`` by name, of crops they were not trained on.
        labels: int64 ``[n]``, true classes.
        scaled: take the references under their temperatures; else temperatures are fitted and
            reported, and the references stay as they are.

    Raises:
        ImprintError: no reference, one with a reserved name, or shapes that do not fit.
    """
    if not references:
        raise ImprintError("the one-model test needs a reference: name at least one")
    taken = {COMBINED, STRICTEST} & references.keys()
    if taken:
        raise ImprintError(f"a reference cannot be called {min(taken)}: choose another name")
    by_name = {name: _calibrated(rows, labels, scaled) for name, rows in references.items()}
    if len(by_name) > 1:
        mean = combine([each.log_probabilities for each in by_name.values()])
        by_name[COMBINED] = _calibrated(mean, labels, scaled)
    return by_name


def _calibrated(rows: FloatArray, labels: IntArray, scaled: bool) -> Calibrated:
    fitted = calibrate(rows, labels)
    return fitted if scaled else replace(fitted, log_probabilities=rows)


def collect_votes(
    index: IntArray, labels: IntArray, model: ClassVotes, references: Mapping[str, FloatArray]
) -> OneModelVotes:
    """Return the votes of a model beside those of references.

    Args:
        index: int64 ``[n]``, global indices.
        labels: int64 ``[n]``.
        model: votes of the neighbours under the model.
        references: calibrated log-probabilities ``[n, C]`` by name.

    Raises:
        ImprintError: lengths that differ, or no image.
    """
    depth = model.ranked.shape[1]
    votes = {name: reference_votes(rows, depth) for name, rows in references.items()}
    for name, each in votes.items():
        Side(f"model against {name}", index, labels, model, each)
    return OneModelVotes(index, labels, model, votes, strictest(list(votes.values()), labels))


def against_reference(
    side: Side, confidences: Sequence[float], top: int, seed: int, draws: int = DRAWS
) -> AgainstReference:
    """Return the test against one reference, its significance and the strength of memorization."""
    return AgainstReference(
        test=two_model([side], confidences, top, seed, draws),
        significance=significance([side], top),
        memorization=strength_of_memorized(side, top),
    )


def _count_claims(members: OneModelVotes, top: int, excluded: BoolArray) -> Claims:
    side = members.side(STRICTEST)
    memorized = int((rank_claims(side, top) >= 0).sum())
    claimed = int((rank_claims(side, top, excluded) >= 0).sum())
    return Claims(memorized, memorized - claimed, claimed, int(excluded.sum()))


def _test_non_members(
    members: OneModelVotes,
    others: OneModelVotes | None,
    listed: IntArray,
    confidences: Sequence[float],
    top: int,
    seed: int,
) -> NonMemberFindings | Missing:
    if others is None:
        return Missing(NO_NON_MEMBERS)
    # By the rule that claims members: the list takes its images out here as well.
    excluded = np.isin(others.index, listed)
    claimed = int((rank_claims(others.side(STRICTEST), top, excluded) >= 0).sum())
    return NonMemberFindings(
        against={
            name: AgainstNonMembers(
                test=two_model([others.side(name)], confidences, top, seed),
                excess=excess(members.side(name), others.side(name), top, seed),
            )
            for name in members.names
        },
        claimed_by_chance=proportion(claimed, len(others.index)),
    )


def explained(votes: OneModelVotes, top: int = 1) -> BoolArray:
    """Return which images every reference gets right: their class is plain from the background.

    The model under audit plays no part, so the list serves other models as well.
    """
    hits = [each.hits(votes.labels, top) for each in votes.independent.values()]
    return np.asarray(np.all(hits, axis=0))


def correlated_by_class(votes: OneModelVotes, classes: int, top: int = 1) -> dict[str, FloatArray]:
    """Return, by reference, the share of each class that model and reference both get right.

    Returns:
        float64 ``[classes]`` by name; NaN without images.
    """
    count = np.bincount(votes.labels, minlength=classes)
    shares = {}
    for name in votes.names:
        both = categories(votes.side(name), top)[:, CATEGORIES.index("correlated")]
        hits = np.bincount(votes.labels, both, minlength=classes)
        shares[name] = np.divide(hits, count, out=np.full(classes, np.nan), where=count > 0)
    return shares
