import numpy as np
import pytest

from imprint.lenses.dejavu.memorization.controls import (
    identical_models,
    permuted_labels,
    untrained_models,
)
from imprint.lenses.dejavu.memorization.two_model import Side
from imprint.lenses.dejavu.memorization.votes import ClassVotes


def votes(predictions, confidence):
    return ClassVotes(np.array(predictions)[:, None], np.array(confidence, dtype=float))


def random_side(seed, n=60, classes=4, name="A"):
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, n)
    guesses = [random.integers(0, classes, n) for _ in range(2)]
    confidences = [-random.integers(0, 5, n) / 4 for _ in range(2)]
    return Side(
        name,
        np.arange(n),
        labels,
        votes(guesses[0], confidences[0]),
        votes(guesses[1], confidences[1]),
    )


def test_a_model_against_itself_scores_exactly_zero():
    sides = [random_side(0), random_side(1, name="B")]
    control = identical_models(sides)
    assert control.passed
    assert control.value.value == 0.0
    assert control.value.ci95 == (0.0, 0.0)


def test_permuted_labels_are_at_chance():
    random = np.random.default_rng(0)
    labels = np.concatenate([np.arange(500) % 5, random.integers(0, 5, 300)])
    # Every neighbour has the crop's own class: only the shuffle can bring this to chance.
    knowing = np.stack(
        [random.permutation(np.flatnonzero(labels[:500] == c))[:7] for c in labels[500:]]
    )
    control = permuted_labels(knowing, labels, labels[500:], 5)
    assert control.passed
    assert control.expected == pytest.approx(0.2, abs=0.02)
    assert control.value.value == pytest.approx(control.expected, abs=0.05)


def test_the_untrained_control_fails_on_models_that_remember():
    labels = np.arange(60) % 4
    sure = np.zeros(60)
    remembers = Side("A", np.arange(60), labels, votes(labels, sure), votes((labels + 1) % 4, sure))
    assert not untrained_models([remembers]).passed
    assert untrained_models([random_side(0), random_side(1, name="B")]).passed
