import numpy as np
import torch

from imprint.lenses.coverage.measure.tally import NO_MARK, RareMarks, Tally


def tallied(rows: list[list[int]], size: int | None) -> RareMarks:
    width = max(map(len, rows))
    tally = Tally(size)
    for row in rows:  # one input a batch: the keys go on counting
        tally.add(torch.tensor([row + [NO_MARK] * (width - len(row))]))
    return tally.rare()


def test_marks_are_counted_by_the_inputs_that_set_them() -> None:
    """Marks 0, 1 by input 0 alone; 2 by 1 alone; 3, 4 by 0 and 1; 5 by 0 and 2; 6 by all three."""
    rare = tallied([[0, 1, 3, 4, 5, 6], [2, 3, 4, 6], [5, 6]], 8)
    assert (rare.inputs, rare.largest) == (3, 2)
    assert rare.marks[:4].tolist() == [3, 3, 1, 0]
    assert rare.squares[:4].tolist() == [4 + 1, 4 + 1, 1, 0]


def test_single_marks_may_be_any_number() -> None:
    rare = tallied([[-5], [2**62], [-5], [7], [], [7], [7]], None)
    assert rare.inputs == 7
    assert rare.marks[:3].tolist() == [1, 1, 1]
    assert rare.squares[:3].tolist() == [1, 1, 1]
    assert rare.largest == 1


def test_batches_do_not_matter() -> None:
    rows = [[0, 1], [1, 2], [3, 4], [4, 5], [0, 5]]
    tally = Tally(6)
    tally.add(torch.tensor(rows))
    one, other = tally.rare(), tallied(rows, 6)
    assert np.array_equal(one.marks, other.marks)
    assert np.array_equal(one.squares, other.squares)
