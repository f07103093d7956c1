"""The score by class and by the size of the crop, and what of it is more than chance.

The outcome of an image is 1 where it is memorized, −1 where it is forgotten, else 0; the score of
some images is its mean, over both directions together. Every class has its own 95 % interval. With
a thousand classes some of them exclude 0 by chance, so three things are said of all together: how
many would if no class had a difference, exactly, given how many images favour either model; how
many remain at a false discovery rate of 5 % (Benjamini and Hochberg 1995, of McNemar's exact test);
and whether classes differ at all, by exchanging images between them, with the classes that differ
from the others by more than the most extreme class of 95 % of the exchanges (Westfall and Young
1993). Images of two classes are different images, but the models are the same ones: it is these
models that the classes stand out in.

Of one model with non-members, a class may have a score since its reference is weak there. Then the
claims are about the excess: the score on its members less that on its non-members.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri, stdtrit
from scipy.stats import false_discovery_control

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.core.seeds import generator
from imprint.lenses.dejavu.memorization.outcomes import Outcomes
from imprint.lenses.dejavu.slice_findings import (
    ClassCounts,
    ClassFindings,
    CropSizeFindings,
    CropSizeSlice,
    SliceFindings,
)
from imprint.stats.estimate import Estimate
from imprint.stats.paired_difference import (
    adjusted_difference,
    chance_of_exclusion,
    mcnemar_p_values,
    paired_difference_intervals,
)
from imprint.stats.proportion import proportion
from imprint.study.tables import Table

MOST_SIZE_SLICES = 5
LEAST_IMAGES_OF_A_SLICE = 10
FALSE_DISCOVERY_RATE = 0.05
EXCHANGES = 999
ONE_SIZE = "all crops are of one size"
TOO_FEW_IMAGES = "too few images have a crop"
ONE_CLASS = "images of one class alone were attacked"
NOT_OF_EXCESS = "exchanging images between classes would mix members with non-members"


@dataclass(frozen=True, eq=False)
class SlicedImages:
    """Attacked images with what they are sliced by.

    Attributes:
        labels: int64 ``[n]``, classes.
        seen_px: float64 ``[n]``, side of the square of the original that the network sees of the
            crop; None where it is not known.
        categories: bool ``[n, 4]``: correlated, memorized, forgotten, unassociated.

    Raises:
        ImprintError: a crop without size.
    """

    labels: IntArray
    seen_px: FloatArray | None
    categories: BoolArray

    def __post_init__(self) -> None:
        if self.seen_px is not None and not (self.seen_px > 0).all():
            raise ImprintError(
                "seen_px must be positive, the side of what the model sees of each crop in pixels, "
                f"got {self.seen_px.min():g}"
            )

    @classmethod
    def of(
        cls, sides: Sequence[Outcomes], labels: IntArray, seen_px: FloatArray | None
    ) -> SlicedImages:
        """Return the images of all directions together; labels and sizes in their order."""
        return cls(labels, seen_px, np.concatenate([side.categories for side in sides]))


def score_slices(
    images: SlicedImages, classes: int, seed: int = 0, non_members: SlicedImages | None = None
) -> SliceFindings:
    """Return the score by crop size and by class.

    Args:
        images: members under attack.
        classes: how many there are.
        seed: of the exchanges.
        non_members: the same of images that the model was not trained on.
    """
    return SliceFindings(
        by_crop_size(images, non_members), by_class(images, classes, seed, non_members)
    )


def by_crop_size(
    images: SlicedImages, non_members: SlicedImages | None = None
) -> CropSizeFindings | Missing:
    """Return the score by the size of the crop, in slices of about equally many images."""
    if images.seen_px is None:
        return Missing("the sizes of the crops are not known")
    sizes = images.seen_px
    if len(sizes) < LEAST_IMAGES_OF_A_SLICE:
        return Missing(TOO_FEW_IMAGES)
    if np.ptp(sizes) <= 1e-9 * sizes.max():
        return Missing(ONE_SIZE)
    parts = max(2, min(MOST_SIZE_SLICES, len(sizes) // LEAST_IMAGES_OF_A_SLICE))
    edges = np.unique(np.quantile(sizes, np.arange(1, parts) / parts, method="lower"))
    # A size stands in one slice alone: edges are sizes, each the largest of its slice.
    place = np.searchsorted(edges, sizes, side="left")
    others = None
    if non_members is not None and non_members.seen_px is not None:
        others = np.searchsorted(edges, non_members.seen_px, side="left")
    slices = []
    for row in np.unique(place).tolist():
        rows = place == row
        excess = None
        if non_members is not None and others is not None and (others == row).any():
            excess = _excess_of(images.categories[rows], non_members.categories[others == row])
        slices.append(_size_slice(sizes[rows], images.categories[rows], excess))
    return CropSizeFindings(tuple(slices), _per_doubling(sizes, _gains(images.categories)))


def _size_slice(sizes: FloatArray, kinds: BoolArray, excess: Estimate | None) -> CropSizeSlice:
    correlated, memorized, forgotten, _ = kinds.sum(axis=0).tolist()
    count = len(kinds)
    return CropSizeSlice(
        float(sizes.min()),
        float(sizes.max()),
        _score_of(memorized, forgotten, count),
        proportion(correlated + memorized, count),
        proportion(correlated + forgotten, count),
        excess,
    )


def _score_of(memorized: int, forgotten: int, count: int) -> Estimate:
    low, high = paired_difference_intervals(
        np.array([memorized]), np.array([forgotten]), np.array([count])
    )
    return Estimate((memorized - forgotten) / count, (float(low[0]), float(high[0])), count)


def _excess_of(members: BoolArray, others: BoolArray) -> Estimate:
    """Return the score on members less that on non-members, by raised shares."""
    counts = [
        np.array([[kinds[:, 1].sum(), kinds[:, 2].sum(), len(kinds)]])
        for kinds in (members, others)
    ]
    value, centre, error = _excess(*counts)
    reach = float(ndtri(0.975)) * error[0]
    low, high = (float(np.clip(centre[0] + sign * reach, -2, 2)) for sign in (-1, 1))
    return Estimate(float(value[0]), (low, high), len(members) + len(others))


def _excess(members: IntArray, others: IntArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return difference, raised difference and its standard error of ``[g, 3]`` counts."""
    values, centres, errors = [], [], []
    for memorized, forgotten, count in (members.T, others.T):
        values.append((memorized - forgotten) / np.maximum(count, 1))
        centre, error = adjusted_difference(memorized, forgotten, count)
        centres.append(centre)
        errors.append(error)
    return values[0] - values[1], centres[0] - centres[1], np.hypot(*errors)


def _gains(kinds: BoolArray) -> FloatArray:
    return kinds[:, 1].astype(np.float64) - kinds[:, 2]


def _per_doubling(sizes: FloatArray, gains: FloatArray) -> Estimate:
    """Return the slope over log2 of the size; its errors allow for unequal variances (HC3)."""
    x = np.log2(sizes)
    x = x - x.mean()
    total = float(x @ x)
    slope = float(x @ gains) / total
    residual = gains - gains.mean() - slope * x
    leverage = np.minimum(1 / len(x) + x**2 / total, 1 - 1e-9)
    error = float(np.sqrt(np.sum((x * residual / (1 - leverage)) ** 2))) / total
    reach = float(stdtrit(max(1, len(x) - 2), 0.975)) * error
    return Estimate(slope, (slope - reach, slope + reach), len(x))


def by_class(
    images: SlicedImages, classes: int, seed: int = 0, non_members: SlicedImages | None = None
) -> ClassFindings | Missing:
    """Return what the scores of classes show beyond chance."""
    table = class_scores(images, classes, seed, non_members)
    rows = table["n"] > 0
    of_excess = non_members is not None
    if of_excess:
        rows &= table["non_members"] > 0
    if rows.sum() < 2:
        return Missing(ONE_CLASS)
    name = "excess" if of_excess else "gap"
    chance = table["chance_above"][rows].sum()
    sign = np.sign(table[name][rows])
    claimed = table["p_adjusted"][rows] <= FALSE_DISCOVERY_RATE
    above, below = table[f"{name}_low"][rows] > 0, table[f"{name}_high"][rows] < 0
    differ: float | Missing = Missing(NOT_OF_EXCESS)
    outliers: int | Missing = Missing(NOT_OF_EXCESS)
    if not of_excess:
        differ = _exchange(images, classes, seed)[0]
        outliers = int((table["p_differs"][rows] <= FALSE_DISCOVERY_RATE).sum())
    return ClassFindings(
        int(rows.sum()),
        of_excess,
        ClassCounts(int(above.sum()), float(chance), int((claimed & (sign > 0)).sum())),
        ClassCounts(int(below.sum()), float(chance), int((claimed & (sign < 0)).sum())),
        differ,
        outliers,
    )


def class_scores(
    images: SlicedImages, classes: int, seed: int = 0, non_members: SlicedImages | None = None
) -> Table:
    """Return one row a class, by column; NaN without images.

    Columns: ``n``, ``gap`` with its limits at 95 % (``gap_low``, ``gap_high``) and at 95 % for all
    classes at once (``gap_low_all``, ``gap_high_all``), ``p_value`` (McNemar) and ``p_adjusted``
    (Benjamini–Hochberg), ``chance_above`` and ``p_differs``. With non-members further
    ``non_members``, ``non_member_gap``, ``excess``, ``excess_low`` and ``excess_high``, and both
    p-values and ``chance_above`` are those of the excess.
    """
    counts = _counts(images, classes)
    memorized, forgotten, count = counts.T
    known = count > 0
    simultaneous = 0.95 ** (1 / max(1, int(known.sum())))
    low, high = paired_difference_intervals(memorized, forgotten, count)
    low_all, high_all = paired_difference_intervals(memorized, forgotten, count, simultaneous)
    gap = np.divide(memorized - forgotten, count, out=np.full(classes, np.nan), where=known)
    table: Table = {
        "n": count,
        "gap": gap,
        "gap_low": low,
        "gap_high": high,
        "gap_low_all": low_all,
        "gap_high_all": high_all,
    }
    if non_members is None:
        p_values = mcnemar_p_values(memorized, forgotten)
        table["chance_above"] = chance_of_exclusion(memorized + forgotten, count)
        table["p_differs"] = np.where(known, _exchange(images, classes, seed)[1], np.nan)
    else:
        others = _counts(non_members, classes)
        both = known & (others[:, 2] > 0)
        value, centre, error = _excess(counts, others)
        reach = float(ndtri(0.975)) * error
        p_values = 2 * ndtr(-np.abs(centre) / error)
        table["chance_above"] = np.where(both, 0.025, 0.0)
        table["non_members"] = others[:, 2]
        bias = (others[:, 0] - others[:, 1]) / np.maximum(others[:, 2], 1)
        table["non_member_gap"] = np.where(others[:, 2] > 0, bias, np.nan)
        for name, column in (
            ("excess", value),
            ("excess_low", centre - reach),
            ("excess_high", centre + reach),
        ):
            table[name] = np.where(both, column, np.nan)
        known = both
    table["p_value"] = np.where(known, p_values, np.nan)
    table["p_adjusted"] = np.full(classes, np.nan)
    if known.any():
        table["p_adjusted"][known] = false_discovery_control(p_values[known])
    return table


def _counts(images: SlicedImages, classes: int) -> IntArray:
    """Return memorized, forgotten and all images of each class, int64 ``[classes, 3]``."""
    columns = [images.categories[:, 1], images.categories[:, 2], np.ones(len(images.labels))]
    counted = [np.bincount(images.labels, column, classes) for column in columns]
    return np.stack(counted, axis=1).astype(np.int64)


def _exchange(images: SlicedImages, classes: int, seed: int) -> tuple[float, FloatArray]:
    """Exchange images between classes; return both p-values.

    Returns:
        that classes differ at all, and float64 ``[classes]``, that one class differs as much from
        the others as it does, for all classes together.
    """
    counts = _counts(images, classes)
    sizes = counts[:, 2]
    memorized, forgotten = (int(total) for total in counts[:, :2].sum(axis=0))
    random = generator(seed, "dejavu classes")
    mean = (memorized - forgotten) / sizes.sum()
    scale = np.sqrt(np.maximum(sizes * (1 - sizes / sizes.sum()), 1e-12))
    observed = np.abs(counts[:, 0] - counts[:, 1] - mean * sizes) / scale
    drawn = random.multivariate_hypergeometric(sizes, memorized, EXCHANGES, method="marginals")
    largest, total = np.empty(EXCHANGES), np.empty(EXCHANGES)
    for row, favoured in enumerate(drawn):
        against = random.multivariate_hypergeometric(
            sizes - favoured, forgotten, method="marginals"
        )
        distance = np.abs(favoured - against - mean * sizes) / scale
        largest[row], total[row] = distance.max(), np.sum(distance**2)
    slack = 1e-9
    differ = 1 + np.sum(total >= np.sum(observed**2) * (1 - slack))
    ranks = np.searchsorted(np.sort(largest), observed * (1 - slack), side="left")
    return float(differ / (EXCHANGES + 1)), (EXCHANGES - ranks + 1) / (EXCHANGES + 1)
