from __future__ import annotations

import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.reconstruct.recall.class_share import class_share

LABELS = [3, 1, 2]


def test_shares_by_hand() -> None:
    target = [[3, 3, 3, 0], [1, 1, 0, 0], [0, 0, 0, 0]]
    reference = [[3, 0], [0, 0], [0, 0]]
    share = class_share(target, reference, LABELS)
    assert share.target.value == pytest.approx((0.75 + 0.5) / 3)
    assert share.reference.value == pytest.approx(0.5 / 3)
    assert share.difference.value == pytest.approx((0.25 + 0.5) / 3)
    assert share.difference.low < share.difference.value < share.difference.high
    # Of the 8 flips of (0.25, 0.5, 0), 4 sum to 0.75 either way.
    assert share.p_value == 0.5
    assert share.samples == (4, 2)
    assert share.difference.n == 3


def test_no_difference_still_has_an_interval() -> None:
    same = np.array([[3, 0], [1, 1], [0, 2]])
    share = class_share(same, same, LABELS)
    assert share.difference.value == 0
    assert share.difference.low < -0.1
    assert share.difference.high > 0.1
    assert share.p_value == 1


def test_roles_exchanged_change_the_sign() -> None:
    random = np.random.default_rng(0)
    target, reference = random.integers(0, 3, (20, 4)), random.integers(0, 3, (20, 4))
    labels = random.integers(0, 3, 20)
    forth, back = class_share(target, reference, labels), class_share(reference, target, labels)
    assert forth.difference.value == pytest.approx(-back.difference.value)
    assert forth.p_value == back.p_value


def test_samples_of_an_image_do_not_count_as_images() -> None:
    """The same answer of every sample is no more than one."""
    random = np.random.default_rng(0)
    target, reference = random.integers(0, 2, (40, 1)), random.integers(0, 2, (40, 1))
    labels = np.zeros(40, dtype=int)
    single = class_share(target, reference, labels)
    repeated = class_share(np.repeat(target, 50, 1), np.repeat(reference, 50, 1), labels)
    assert repeated.difference == single.difference


@pytest.mark.parametrize(
    ("target", "reference", "labels", "message"),
    [
        ([[1], [2]], [[1], [2], [3]], LABELS, r"target predictions must be \[3, samples\]"),
        ([[1], [2], [3]], [1, 2, 3], LABELS, "reference predictions must be"),
        (np.zeros((3, 0)), [[1], [2], [3]], LABELS, "target predictions must be"),
        ([[1], [2], [3]], [[1], [2], [3]], [3], "labels must be"),
        ([[0.5], [2], [3]], [[1], [2], [3]], LABELS, "whole numbers"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(
    target: object, reference: object, labels: object, message: str
) -> None:
    with pytest.raises(ImprintError, match=message):
        class_share(target, reference, labels)  # type: ignore[arg-type]
