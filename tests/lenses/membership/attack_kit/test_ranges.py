import numpy as np
import pytest

from imprint.lenses.membership.attack_kit.ranges import (
    LabelledRanges,
    Trim,
    choose_trim,
    trimmed_mean,
)

POINTS = np.arange(1, 11)[:, None] / 10


@pytest.mark.parametrize(
    ("kept", "side", "mean"),
    [
        (6, "highest", 0.75),
        (6, "lowest", 0.35),
        (10, "highest", 0.55),
        (10, "lowest", 0.55),
        (1, "highest", 1.0),
        (1, "lowest", 0.1),
    ],
)
def test_the_mean_of_the_kept_scores_by_hand(kept, side, mean):
    shuffled = np.random.default_rng(0).permutation(POINTS)
    assert trimmed_mean(shuffled, Trim(kept, side)).item() == pytest.approx(mean)


def test_the_trim_that_separates_the_references_is_chosen():
    # One point in four finds a member, the others are noise: the highest alone is best.
    random = np.random.default_rng(0)
    members = random.random((3, 400)) < 0.5
    scores = random.normal(size=(3, 4, 400))
    scores[:, 2] += 4 * members
    references = [LabelledRanges(*pair) for pair in zip(scores, members, strict=True)]
    assert choose_trim(4, references) == Trim(1, "highest")
    mirrored = [LabelledRanges(-each.scores, ~each.members) for each in references]
    assert choose_trim(4, mirrored) == Trim(1, "lowest")


def test_without_references_or_a_difference_all_points_are_kept():
    assert choose_trim(5, []) == Trim(5)
    flat = LabelledRanges(np.zeros((5, 4)), np.array([True, False, True, False]))
    assert choose_trim(5, [flat]) == Trim(5)
