from dataclasses import replace

import numpy as np

from imprint.lenses.dejavu.memorization.subsets import rows_of_side, subset_test
from imprint.lenses.dejavu.memorization.two_model import Side, two_model
from imprint.lenses.dejavu.memorization.votes import ClassVotes


def side(name, count=40, seed=0):
    """Return random guesses of two models."""
    random = np.random.default_rng(seed)
    votes = [ClassVotes(random.integers(0, 2, (count, 1)), random.random(count)) for _ in range(2)]
    return Side(name, np.arange(count), random.integers(0, 2, count), *votes)


def test_a_test_without_no_image_is_the_test_itself():
    sides = [side("A"), side("B", seed=1)]
    kept = [np.ones(40, dtype=bool)] * 2
    assert subset_test(sides, kept, (100, 20), 1, 0) == two_model(sides, (100, 20), 1, 0)


def test_a_test_without_images_is_the_test_of_the_others():
    whole, kept = side("A"), np.arange(40) % 3 > 0
    by_hand = replace(
        whole,
        index=whole.index[kept],
        labels=whole.labels[kept],
        target=ClassVotes(whole.target.ranked[kept], whole.target.confidence[kept]),
        reference=ClassVotes(whole.reference.ranked[kept], whole.reference.confidence[kept]),
    )
    assert subset_test([whole], [kept], (100,), 1, 7) == two_model([by_hand], (100,), 1, 7)
    hits = (whole.labels == whole.target.ranked[:, 0])[kept].mean()
    missed = (whole.labels == whole.reference.ranked[:, 0])[kept].mean()
    score = subset_test([whole], [kept], (100,), 1, 7)["100"].score
    assert np.isclose(score.value, hits - missed)
    assert score.n == kept.sum()
    assert rows_of_side(whole, kept).index.tolist() == np.flatnonzero(kept).tolist()


def test_there_is_no_test_where_one_side_has_no_image_left():
    kept = [np.ones(40, dtype=bool), np.zeros(40, dtype=bool)]
    assert subset_test([side("A"), side("B")], kept, (100,), 1, 0) is None
