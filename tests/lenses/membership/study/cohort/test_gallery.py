import numpy as np

from imprint.lenses.membership.study.cohort.gallery import most_memorized


def test_the_most_memorized_of_each_class_are_shown_in_order():
    records = {
        "index": np.arange(8),
        "memorization": np.array([0.1, np.nan, 0.9, 0.5, 0.9, 0.3, -0.2, 0.0]),
    }
    labels = np.array([0, 0, 1, 1, 0, 0, 1, 1])
    assert most_memorized(records, labels).tolist() == [2, 4, 3, 5, 0, 7, 6]
    many = {"index": np.arange(3000), "memorization": np.arange(3000) / 3000}
    shown = most_memorized(many, np.arange(3000) % 3)
    assert len(shown) == 75
    assert shown[0] == 2999
