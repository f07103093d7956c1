import csv

import numpy as np
import pytest

from imprint.lenses.dejavu.study.reference_tables import COLUMNS, write_reference_table


def test_the_six_columns_by_hand(tmp_path):
    probabilities = np.array([[0.5, 0.25, 0.25], [0.0, 1.0, 0.0]])
    with np.errstate(divide="ignore"):
        rows = np.log(probabilities)
    write_reference_table(tmp_path / "t.csv", rows, np.array([1, 1]), ["a/1.png", "b,2.png"])
    with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as stream:
        lines = list(csv.reader(stream))
    assert lines[0] == list(COLUMNS)
    first, second = lines[1:]
    assert first[:2] == ["1", "0"]
    assert [float(value) for value in first[2:5]] == pytest.approx([0.5, 0.25, 1.5 * np.log(2)])
    assert [float(value) for value in second[2:5]] == pytest.approx([1, 1, 0])
    assert [first[5], second[5]] == ["a/1.png", "b,2.png"]
