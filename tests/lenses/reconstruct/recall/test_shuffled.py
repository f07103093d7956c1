from __future__ import annotations

import numpy as np

from imprint.lenses.reconstruct.recall.shuffled import shuffled_share, shuffled_similarity


def test_share_counts_the_labels_of_other_images_alone() -> None:
    labels = np.array([0, 0, 1, 2])
    classes = np.array([[0, 1], [1, 1], [1, 0], [5, 5]])
    # Others of image 0 are 0, 1, 2: its samples fit 1 and 1 of 3.
    expected = [(1 + 1) / 6, (1 + 1) / 6, (0 + 2) / 6, 0]
    np.testing.assert_allclose(shuffled_share(classes, labels), expected)


def test_share_is_the_mean_over_all_assignments_of_other_images() -> None:
    random = np.random.default_rng(0)
    labels, classes = random.integers(0, 4, 9), random.integers(0, 4, (9, 3))
    brute = [
        np.mean([(classes[i] == labels[j]).mean() for j in range(9) if j != i]) for i in range(9)
    ]
    np.testing.assert_allclose(shuffled_share(classes, labels), brute)


def test_similarity_is_the_mean_cosine_with_other_originals() -> None:
    random = np.random.default_rng(1)
    originals, samples = random.normal(size=(6, 5)), random.normal(size=(6, 2, 5))
    originals /= np.linalg.norm(originals, axis=-1, keepdims=True)
    samples /= np.linalg.norm(samples, axis=-1, keepdims=True)
    brute = [
        np.mean([(samples[i] @ originals[j]).mean() for j in range(6) if j != i]) for i in range(6)
    ]
    np.testing.assert_allclose(shuffled_similarity(samples, originals), brute)
