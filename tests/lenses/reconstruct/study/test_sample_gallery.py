from __future__ import annotations

import numpy as np

from imprint.lenses.reconstruct.study.sample_gallery import chosen_rows


def test_few_images_stand_in_the_order_of_their_difference() -> None:
    assert chosen_rows(np.array([0.0, 1.0, -1.0, 1.0])).tolist() == [1, 3, 0, 2]


def test_of_many_the_largest_come_first_and_the_smallest_last() -> None:
    rows = chosen_rows(np.arange(100.0))
    assert len(set(rows.tolist())) == 36
    assert rows[:18].tolist() == list(range(99, 81, -1))
    assert rows[-9:].tolist() == list(range(8, -1, -1))
    middle = rows[18:27]
    assert ((middle > 8) & (middle < 82)).all()
    assert (np.diff(middle) < 0).all()
