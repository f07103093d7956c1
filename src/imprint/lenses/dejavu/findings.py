"""What the déjà vu lens finds: the content of its part of ``summary.json``, as dataclasses.

Mappings by percentage have the percentages of most confident images as keys: ``"100"``, ``"20"``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from imprint.core.missing import Missing
from imprint.lenses.dejavu.doubt_findings import DoubtFindings
from imprint.lenses.dejavu.estimates import ByPercent as ByPercent
from imprint.lenses.dejavu.estimates import MemorizationEstimates as MemorizationEstimates
from imprint.lenses.dejavu.public_findings import PublicFacts
from imprint.lenses.dejavu.search_findings import SearchFindings
from imprint.lenses.dejavu.slice_findings import SliceFindings
from imprint.stats.control import Control
from imprint.stats.estimate import Estimate
from imprint.train.probe_options import ProbeAccuracies

Accuracies = Mapping[str, ProbeAccuracies]
"""Accuracies of linear probes by encoder or checkpoint."""


@dataclass(frozen=True)
class Significance:
    """McNemar's exact test, two-sided: counts of images that one of two models alone gets right."""

    memorized: int
    forgotten: int
    p_value: float


@dataclass(frozen=True)
class TrainingFigures:
    """The last epoch of an encoder: its loss, and whether its embeddings collapsed."""

    epoch: int
    loss: float
    embedding_std: float
    direction_std: float
    collapsed: bool


@dataclass(frozen=True)
class TwoModelFindings:
    """The two-model test, its controls, and what is known of the encoders.

    Attributes:
        two_model_top5: the same with the five most voted classes counted as right; more than five
            classes.
        two_model_other_metric: the same with the other distance between embeddings.
        slices: the score by crop size and by class.
        doubts: images whose score may be no memorization, and the test without them.
        search: how neighbours were searched approximately; None where they were exactly.
    """

    two_model: ByPercent
    significance: Significance
    two_model_top5: ByPercent | None = None
    two_model_other_metric: ByPercent | None = None
    controls: Mapping[str, Control] | None = None
    training: Mapping[str, TrainingFigures] | None = None
    linear_probe: Accuracies | None = None
    slices: SliceFindings | None = None
    doubts: DoubtFindings | None = None
    search: SearchFindings | None = None


@dataclass(frozen=True)
class StrengthHistogram:
    """Counts of values between edges."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class MemorizationStrength:
    """Confidence gap of memorized images in nats.

    Attributes:
        published: 12 bins from least to largest.
        bins: as wide as the rule of Freedman and Diaconis says, no more of them than images.
    """

    n: int
    mean: float
    published: StrengthHistogram
    bins: StrengthHistogram


@dataclass(frozen=True)
class AgainstReference:
    """The model against one reference: the test, its significance, the strength of memorization."""

    test: ByPercent
    significance: Significance
    memorization: MemorizationStrength | Missing


@dataclass(frozen=True)
class ReferenceAgreement:
    """How far two references agree on which backgrounds reveal their object.

    Attributes:
        agreed: share on which both are right or both wrong.
        same_guess: share on which both name the same class.
    """

    first: str
    second: str
    agreed: Estimate
    both_right: Estimate
    same_guess: Estimate
    kappa: Estimate | Missing


@dataclass(frozen=True)
class Calibration:
    """Temperature of a reference, and its mean −ln p(label) in nats before and under it."""

    temperature: float
    loss_before: float
    loss_after: float


@dataclass(frozen=True)
class Claims:
    """Counts of memorized images that no reference explains.

    Attributes:
        excluded: those on the list of excluded images.
        listed: attacked images on the list, memorized or not.
    """

    memorized: int
    excluded: int
    claimed: int
    listed: int


@dataclass(frozen=True)
class AgainstNonMembers:
    """The test on non-members against one reference, and the score on members beyond it."""

    test: ByPercent
    excess: Estimate


@dataclass(frozen=True)
class NonMemberFindings:
    """The test on images the model was not trained on: the bias of the references.

    Attributes:
        against: by reference.
        claimed_by_chance: share of non-members that are memorized by the rule of the claims.
    """

    against: Mapping[str, AgainstNonMembers]
    claimed_by_chance: Estimate


@dataclass(frozen=True)
class OneModelFindings:
    """The one-model test.

    Attributes:
        best: the reference that is right most often, which the score is read against.
        against: by reference; ``strictest`` is their maximum.
        explained: share of images that every reference gets right.
        calibrated: whether references are taken under their temperatures.
        claims: about single images, against ``strictest``.
        slices: the score against ``best`` by crop size and by class.
        doubts: images whose score may be no memorization, and the test without them.
        search: how neighbours were searched approximately; None where they were exactly.
    """

    best: str
    against: Mapping[str, AgainstReference]
    agreement: tuple[ReferenceAgreement, ...]
    explained: Estimate
    calibrated: bool
    calibration: Mapping[str, Calibration]
    claims: Claims
    non_members: NonMemberFindings | Missing
    controls: Mapping[str, Control] | None = None
    slices: SliceFindings | None = None
    doubts: DoubtFindings | None = None
    search: SearchFindings | None = None


@dataclass(frozen=True)
class OneModelLens:
    """The part of ``summary.json`` that holds a one-model test."""

    one_model: OneModelFindings


@dataclass(frozen=True)
class OneModelFacts:
    """The images of a one-model test: its part of ``data`` in ``summary.json``.

    Attributes:
        public_may_be_members: whether the network was trained on images that vote, or may have
            been; None where nothing says so.
        reference_crops: crops that references learn from or predict.
        dropped: images to attack without a usable crop, by reason.
        without_boxes: whether the corner was taken since the images have no boxes.
        stretched: whether images that the user had normalised were stretched to pixels.
        public_images: the images that vote.
    """

    public: int
    public_may_be_members: bool | None
    attacked_members: int
    attacked_non_members: int
    reference_crops: int
    dropped: Mapping[str, int]
    crop_rule: str
    without_boxes: bool
    layer: str
    stretched: bool | None = None
    public_images: PublicFacts | None = None


@dataclass(frozen=True)
class SweepPoint:
    """The two-model test of one setting at one epoch.

    Attributes:
        axis: the option that is varied; ``epochs`` for the settings nothing is varied from.
        value: of the option, as text; empty for those settings.
        last: whether training ended there.
        search: how neighbours were searched approximately; None where they were exactly.
    """

    axis: str
    value: str
    epoch: int
    last: bool
    top: int
    two_model: ByPercent
    two_model_top5: ByPercent | None = None
    linear_probe: Accuracies | None = None
    search: SearchFindings | None = None


@dataclass(frozen=True)
class SweepFindings:
    """Every setting of a sweep at every snapshot."""

    points: tuple[SweepPoint, ...]


def probe_accuracy(point: SweepPoint, part: str) -> float:
    """Return the mean top-1 accuracy of the probes on both encoders; NaN without probes.

    Args:
        point: of the sweep.
        part: ``train`` or ``held_out``.
    """
    probes = [getattr(each, part).top1 for each in (point.linear_probe or {}).values()]
    return sum(probes) / len(probes) if probes else float("nan")
