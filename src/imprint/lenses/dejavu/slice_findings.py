"""The déjà vu score of parts of the images: by the size of their crop, and by class."""

from __future__ import annotations

from dataclasses import dataclass

from imprint.core.missing import Missing
from imprint.stats.estimate import Estimate


@dataclass(frozen=True)
class CropSizeSlice:
    """Images whose crops are of about one size.

    Attributes:
        least_px: smallest side of the square of the original that the network sees of a crop.
        most_px: largest.
        score: memorized minus forgotten, as a share of these images.
        target_accuracy: of the target, or of the model under audit.
        excess: score less that of non-members with crops of these sizes; of one model with
            non-members.
    """

    least_px: float
    most_px: float
    score: Estimate
    target_accuracy: Estimate
    reference_accuracy: Estimate
    excess: Estimate | None = None


@dataclass(frozen=True)
class CropSizeFindings:
    """The score by the size of the crop.

    Attributes:
        slices: by rising size, about equally many images each.
        per_doubling: how much the score rises when the side doubles: slope of the outcome of single
            images over log2 of the side.
    """

    slices: tuple[CropSizeSlice, ...]
    per_doubling: Estimate


@dataclass(frozen=True)
class ClassCounts:
    """How many classes stand out in one direction.

    Attributes:
        single: those whose own 95 % interval excludes 0.
        by_chance: how many would on average if no class had any difference.
        corrected: those that remain at a false discovery rate of 5 % (Benjamini–Hochberg).
    """

    single: int
    by_chance: float
    corrected: int


@dataclass(frozen=True)
class ClassFindings:
    """The score by class; the classes themselves stand in the table ``classes``.

    Attributes:
        classes: with attacked images.
        of_excess: whether the counts are about the excess over non-members, not the score.
        above: classes with more memorized than forgotten images.
        below: the reverse.
        differ_p_value: that classes differ as much as they do or more if images were assigned to
            them at random; a permutation test.
        outliers: classes that differ from the others, at 5 % for all classes together.
    """

    classes: int
    of_excess: bool
    above: ClassCounts
    below: ClassCounts
    differ_p_value: float | Missing
    outliers: int | Missing


@dataclass(frozen=True)
class SliceFindings:
    """The score of parts of the images."""

    by_crop_size: CropSizeFindings | Missing
    by_class: ClassFindings | Missing
