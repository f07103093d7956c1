"""Canaries: the records of an audit in one run, each with a coin of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from imprint.core.arrays import BoolArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.seeds import derive, generator, uniforms
from imprint.data.imageset import ArrayImages
from imprint.train.cohort.masks import Masks, coin_flips

MAX_OTHER_RECORDS = 2000


@dataclass(frozen=True)
class Canaries:
    """Which records are canaries, what they are shown as, and where their coins fell.

    Attributes:
        index: int64 ``[m]``, rising.
        members: bool ``[m]``, the coins.
        masks: the model that all runs train and maybe its reference, bool ``[1 or 2, N]``.
        marked: the whole set, canaries under the label they are trained with.
        plain: the whole set under its own labels.
        others: int64, some of the records that are members whatever the coins, rising.
    """

    index: IntArray
    members: BoolArray
    masks: Masks
    marked: ArrayImages
    plain: ArrayImages
    others: IntArray

    @property
    def expected(self) -> int:
        """How many members there are on average: all that is no canary, and half of these."""
        return len(self.plain) - len(self.index) + len(self.index) // 2


def choose_canaries(
    images: ArrayImages,
    count: int,
    kind: Literal["natural", "mislabelled"],
    seed: int,
    reference: bool = False,
) -> Canaries:
    """Draw canaries, their labels and their coins, each from a stream of its own.

    A wrong label is uniform on the other classes and does not depend on the coin: a canary that is
    left out is scored under the label it would have been trained with.

    Args:
        images: the set.
        count: canaries.
        kind: records as they are, or under a wrong label.
        seed: of every draw.
        reference: whether a model without canaries is trained as well.

    Raises:
        ImprintError: fewer records than canaries, or a single class to be mislabelled.
    """
    total, classes = len(images), len(images.classes)
    if not 2 <= count <= total:
        raise ImprintError(
            f"{images.name} has {total} images: choose 2 to {total} canaries, not {count}"
        )
    if kind == "mislabelled" and classes < 2:
        raise ImprintError(
            f"{images.name} has one class, so no label is wrong: choose --canary-kind natural"
        )
    order = generator(seed, "canaries").permutation(total)
    index = np.sort(order[:count]).astype(np.int64)
    others = np.sort(order[count : count + MAX_OTHER_RECORDS]).astype(np.int64)
    labels = images.labels.copy()
    if kind == "mislabelled":
        chance = uniforms(derive(seed, "wrong labels"), index, 1)[:, 0]
        away = 1 + (chance * (classes - 1)).astype(np.int64)
        labels[index] = (labels[index] + away) % classes
    masks = coin_flips(total, index, seed, reference)
    marked = replace(images, labels=labels)
    return Canaries(index, masks.members[0, index], masks, marked, images, others)
