import numpy as np
import pytest

from imprint.lenses.leave_one_out.study.array_hint import MATRIX, VALUES, option_hint

X = np.eye(3)


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        ({"x": X, "y": [0.5, 1, 2]}, VALUES),
        ({"x": X, "y": [0, 1, 2], "query_targets": [1]}, VALUES),
        ({"kernel": X, "y": [0, 1, 1]}, MATRIX),
        ({"x": X, "y": [0.0, 1.0, 1.0]}, ""),
        ({"x": X, "y": [0.5, np.nan, 1.0]}, ""),
        ({"x": X, "y": ["a", "b", "c"]}, ""),
        ({"x": X}, ""),
    ],
)
def test_the_hint_names_the_option_that_reads_the_arrays(content, hint, tmp_path):
    np.savez(tmp_path / "arrays.npz", **content)
    assert option_hint(tmp_path / "arrays.npz") == hint


def test_a_file_that_cannot_be_read_gives_no_hint(tmp_path):
    (tmp_path / "arrays.npz").write_bytes(b"nothing")
    assert option_hint(tmp_path / "arrays.npz") == ""
    assert option_hint(tmp_path / "missing.npz") == ""
