"""Findings of ``coverage detection``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from imprint.lenses.coverage.experiments.ablation_findings import RandomDrop
from imprint.stats.estimate import Estimate


@dataclass(frozen=True)
class DetectorBlock:
    """A block of the detector.

    Attributes:
        name: module path.
        parameters: how many.
        parameter_share: of all.
        neurons: how many; 0 where no layer of it is observed.
        importance: share of Σ|score| over all neurons; None without neurons.
        coverage: of its neurons by the tests; None likewise, or where its neurons never vary.
    """

    name: str
    parameters: int
    parameter_share: float
    neurons: int
    importance: float | None
    coverage: float | None


@dataclass(frozen=True)
class QualityDrop:
    """What a measure of quality loses without the leading neurons.

    Attributes:
        drop: in shares of 1, with its interval over images: the same ones with and without.
        matched: of random neurons, as many of each layer.
        anywhere: of as many random neurons of all layers.
        p: share of matched draws whose drop is at least as large, the leading ones among them.
    """

    drop: Estimate
    matched: RandomDrop
    anywhere: RandomDrop
    p: float


@dataclass(frozen=True)
class AblatedDetector:
    """The detector without the leading neurons: drops by measure."""

    neurons: int
    drops: Mapping[str, QualityDrop]


@dataclass(frozen=True)
class Detection:
    """Importance, coverage and ablation of a detector.

    Attributes:
        ranked_on: images that rank the neurons and fit the criterion.
        tests: images that test.
        objects: in these.
        left_out: objects of categories that the detector does not know.
        threshold: least score of a box that counts.
        attribution: what ranks the neurons.
        criterion: of coverage.
        quality: each measure of the whole detector, with its interval over images.
        blocks: in the order in which they run.
        draws: random sets of each kind.
        ablated: by number of neurons, rising.
    """

    ranked_on: int
    tests: int
    objects: int
    left_out: int
    threshold: float
    attribution: str
    criterion: str
    quality: Mapping[str, Estimate]
    blocks: tuple[DetectorBlock, ...]
    draws: int
    ablated: tuple[AblatedDetector, ...]


@dataclass(frozen=True)
class DetectionFindings:
    """Findings of ``coverage detection``."""

    detection: Detection
