from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from imprint.core.errors import ImprintError
from imprint.lenses.reconstruct.recall.similarity import mean_similarity
from imprint.stats import permutation

RANDOM = np.random.default_rng(0)


def test_cosines_by_hand() -> None:
    originals = [[1.0, 0.0], [0.0, 2.0]]
    target = [[[3.0, 0.0], [0.0, 1.0]], [[0.0, 5.0], [3.0, 4.0]]]
    reference = [[[-1.0, 0.0]], [[4.0, 3.0]]]
    similarity = mean_similarity(target, reference, originals)
    assert similarity.target.value == pytest.approx((0.5 + 0.9) / 2)
    assert similarity.reference.value == pytest.approx((-1 + 0.6) / 2)
    assert similarity.difference.value == pytest.approx((1.5 + 0.3) / 2)
    assert similarity.samples == (2, 1)


def test_cosines_are_those_of_every_pair() -> None:
    originals, samples = RANDOM.normal(size=(6, 5)), RANDOM.normal(size=(6, 3, 5))
    cosines = [
        x @ y / np.linalg.norm(x) / np.linalg.norm(y)
        for x, several in zip(originals, samples, strict=True)
        for y in several
    ]
    similarity = mean_similarity(samples, samples[:, :1], originals)
    assert similarity.target.value == pytest.approx(np.mean(cosines))


def test_lengths_do_not_matter() -> None:
    originals, samples = RANDOM.normal(size=(6, 5)), RANDOM.normal(size=(6, 3, 5))
    similarity = mean_similarity(samples * 1e200, samples * 1e-200, originals * 1e-300)
    assert similarity.difference.value == pytest.approx(0, abs=1e-12)


def test_recalled_images_raise_the_difference_and_lower_p() -> None:
    originals = RANDOM.normal(size=(30, 8))
    noise = RANDOM.normal(size=(2, 30, 4, 8))
    similarity = mean_similarity(originals[:, None] + noise[0], noise[1], originals)
    assert similarity.difference.low > 0.3
    assert similarity.p_value < 1e-4
    unrelated = mean_similarity(noise[0], noise[1], originals)
    assert unrelated.difference.low < 0 < unrelated.difference.high


def test_difference_without_recall_is_rarely_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(permutation, "FLIPS", 9)
    trials, hits = 200, 0
    for trial in range(trials):
        originals, samples = RANDOM.normal(size=(25, 6)), RANDOM.normal(size=(2, 25, 4, 6))
        # Samples of an image resemble one another.
        samples += RANDOM.normal(size=(2, 25, 1, 6))
        difference = mean_similarity(*samples, originals, seed=trial).difference
        hits += difference.low <= 0 <= difference.high
    assert hits >= binom.ppf(1e-3, trials, 0.94)


@pytest.mark.parametrize(
    ("target", "originals", "message"),
    [
        (np.ones((3, 2, 4)), np.ones((3, 5)), "images and features must agree"),
        (np.ones((2, 2, 4)), np.ones((3, 4)), "images and features must agree"),
        (np.ones((3, 4)), np.ones((3, 4)), "target samples must be"),
        (np.ones((3, 0, 4)), np.ones((3, 4)), "target samples must be"),
        (np.ones((3, 2, 4)), np.ones(3), "originals must be"),
        (np.zeros((3, 2, 4)), np.ones((3, 4)), "target samples are all 0 or not finite at image 0"),
        (np.ones((3, 2, 4)), [[1.0], [np.inf], [1.0]], "originals are all 0 or not finite"),
    ],
)
def test_features_that_do_not_fit_are_refused(
    target: object, originals: object, message: str
) -> None:
    with pytest.raises(ImprintError, match=message):
        mean_similarity(target, np.ones((3, 2, 4)), originals)  # type: ignore[arg-type]
