from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from imprint.core.errors import ImprintError
from imprint.lenses.reconstruct.recall.class_share import class_share
from imprint.stats import permutation

LABELS = [3, 1, 2]
SAMPLES = 4


def predictions(random: np.random.Generator, chances: np.ndarray) -> np.ndarray:
    """Return 0, the class of every original, with the chance of each image; 1 otherwise."""
    return (random.random((len(chances), SAMPLES)) >= chances[:, None]).astype(int)


def simulated(
    random: np.random.Generator, images: int, recalled: float, other: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return predictions of target and reference: the class is always right where recalled.

    Elsewhere, and for the reference, the chance of an image is 0 or 1, 1 for a share ``other``.
    """
    chances = (random.random(images) < other).astype(float)
    seen = np.where(random.random(images) < recalled, 1.0, chances)
    return predictions(random, seen), predictions(random, chances)


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


@pytest.mark.parametrize("images", [20, 100])
@pytest.mark.parametrize(
    ("recalled", "other"), [(0.02, 0.0), (0.1, 0.5), (0.5, 0.1), (0.95, 0.0), (0.05, 0.9)]
)
def test_interval_covers_even_where_most_images_agree(
    monkeypatch: pytest.MonkeyPatch, images: int, recalled: float, other: float
) -> None:
    monkeypatch.setattr(permutation, "FLIPS", 9)
    trials, random = 150, np.random.default_rng([images, int(100 * recalled)])
    labels, truth = np.zeros(images, dtype=int), recalled * (1 - other)
    hits = 0
    for trial in range(trials):
        arrays = simulated(random, images, recalled, other)
        difference = class_share(*arrays, labels, seed=trial).difference
        hits += difference.low <= truth <= difference.high
    # 94 % or more in truth; below this bound once in 1,000.
    assert hits >= binom.ppf(1e-3, trials, 0.94)


def test_interval_covers_where_samples_of_an_image_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    """Samples taken for independent images make it 0.57 times as wide, and cover 74 %."""
    monkeypatch.setattr(permutation, "FLIPS", 9)
    trials, images, random = 200, 40, np.random.default_rng(5)
    labels, hits, naive_hits = np.zeros(images, dtype=int), 0, 0
    for trial in range(trials):
        target, reference = (predictions(random, random.beta(0.3, 0.3, images)) for _ in "ab")
        difference = class_share(target, reference, labels, seed=trial).difference
        hits += difference.low <= 0 <= difference.high
        pairs = (target != reference) * np.where(target, -1.0, 1.0)
        naive_hits += abs(pairs.mean()) <= 1.96 * pairs.std() / pairs.size**0.5
    assert hits >= binom.ppf(1e-3, trials, 0.94)
    assert naive_hits < 0.85 * trials


def test_p_values_without_recall_are_no_smaller_than_chance(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(permutation, "FLIPS", 199)
    trials, random = 300, np.random.default_rng(6)
    labels = np.zeros(30, dtype=int)
    p_values = np.array(
        [
            class_share(predictions(random, chances), predictions(random, chances), labels).p_value
            for chances in random.beta(0.3, 0.3, (trials, 30))
        ]
    )
    for level in (0.05, 0.2):
        assert (p_values <= level).sum() <= binom.ppf(1 - 1e-3, trials, level)


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
