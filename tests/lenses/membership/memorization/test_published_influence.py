import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.membership.memorization.published_influence import (
    read_influence_matrix,
    read_pairs,
)


def pair_arrays():
    return {
        "tr_idx": np.array([7, 3, 5]),
        "tt_idx": np.array([1, 0, 0]),
        "infl": np.array([0.2, 0.9, 0.2], dtype=np.float32),
        "mem": np.array([0.5, 1.0, 0.3]),
    }


def matrix_arrays():
    return {
        "tr_mem": np.array([0.1, 0.2, 0.9]),
        "tr_labels": np.array([0, 1, 0], dtype=np.uint8),
        "tt_labels": np.array([1, 0]),
        "tr_classidx_0": np.array([0, 2]),
        "tr_classidx_1": np.array([1]),
        "tt_classidx_0": np.array([1]),
        "infl_matrix_class0": np.array([[0.25], [0.75]]),
    }


def test_pairs_come_strongest_first_with_their_memorization(tmp_path):
    np.savez(tmp_path / "pairs.npz", **pair_arrays())
    pairs = read_pairs(tmp_path / "pairs.npz")
    assert pairs.train.tolist() == [3, 5, 7]
    assert pairs.test.tolist() == [0, 0, 1]
    assert pairs.memorization.tolist() == [1.0, 0.3, 0.5]
    assert pairs.influence.tolist() == [np.float32(0.9), np.float32(0.2), np.float32(0.2)]
    assert np.isnan(pairs.error).all()


def test_matrices_come_test_examples_first(tmp_path):
    np.savez(tmp_path / "matrix.npz", **matrix_arrays())
    found = read_influence_matrix(tmp_path / "matrix.npz")
    assert found.memorization.tolist() == [0.1, 0.2, 0.9]
    assert (found.labels.tolist(), found.test_labels.tolist()) == ([0, 1, 0], [1, 0])
    assert found.classes[0].influence.tolist() == [[0.25, 0.75]]
    assert (found.classes[0].train.tolist(), found.classes[0].test.tolist()) == ([0, 2], [1])
    # A file without the indices or the matrix of a class still says which examples it has.
    assert found.classes[1].influence is None
    assert (found.classes[1].train.tolist(), found.classes[1].test.tolist()) == ([1], [0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mem": None}, "has no array mem: it holds infl, tr_idx, tt_idx"),
        ({"mem": np.zeros(2)}, "differ in length"),
        ({"tr_idx": np.zeros(3)}, "tr_idx is float64"),
        ({"infl": np.zeros((3, 1))}, r"infl is float64 \[3, 1\]"),
        ({"mem": np.array([{}, {}, {}])}, "mem: it holds pickled objects"),
    ],
)
def test_damaged_pairs_are_named(tmp_path, changes, message):
    arrays = {k: v for k, v in {**pair_arrays(), **changes}.items() if v is not None}
    np.savez(tmp_path / "pairs.npz", **arrays)
    with pytest.raises(ImprintError, match=message):
        read_pairs(tmp_path / "pairs.npz")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tr_mem": np.zeros(2)}, "tr_mem has 2 values and tr_labels 3"),
        ({"tr_classidx_1": np.array([3])}, "class 1 refers to examples 3 to 3 of 3"),
        ({"infl_matrix_class0": np.zeros((1, 2))}, r"is \[1, 2\], but class 0 has 2 records and 1"),
    ],
)
def test_damaged_matrices_are_named(tmp_path, changes, message):
    np.savez(tmp_path / "matrix.npz", **{**matrix_arrays(), **changes})
    with pytest.raises(ImprintError, match=message):
        read_influence_matrix(tmp_path / "matrix.npz")


def test_other_files_are_named(tmp_path):
    with pytest.raises(ImprintError, match="no file"):
        read_pairs(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("not an archive")
    with pytest.raises(ImprintError, match=r"is not an \.npz file"):
        read_pairs(tmp_path / "text.npz")
    np.save(tmp_path / "one.npy", np.zeros(3))
    with pytest.raises(ImprintError, match="holds one array"):
        read_pairs(tmp_path / "one.npy")
