"""Records of any source: one set of classes, one task, and one sentence for what cannot be read."""

from typing import Any

import numpy as np
import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.data.records.open_records import agree_on_classes, as_records

X = np.arange(12, dtype=np.float32).reshape(4, 3)


def test_pair_of_lists_becomes_records() -> None:
    records = as_records(([[1, 2], [3, 4]], ["b", "a"]), name="members")
    assert records.inputs.read(np.array([1])).tolist() == [[3, 4]]
    assert records.targets is not None
    assert records.targets.tolist() == [1, 0]
    assert (records.classes, records.task, records.name) == (
        ("a", "b"),
        "classification",
        "members",
    )


def test_tensor_with_targets_apart_and_groups() -> None:
    records = as_records(torch.from_numpy(X), torch.tensor([0, 2, 1, 0]), groups=[1, 1, 2, 2])
    assert records.classes == ("0", "1", "2")
    assert records.groups is not None
    assert records.groups.tolist() == ["1", "1", "2", "2"]


def test_records_are_returned_as_they_are() -> None:
    records = as_records((X, [0, 1, 0, 1]))
    assert as_records(records) is records


def test_square_uint8_images_get_a_view_and_floats_none() -> None:
    pixels = np.zeros((4, 3, 8, 8), dtype=np.uint8)
    assert as_records((pixels, [0, 1, 0, 1])).images is not None
    assert as_records((pixels.astype(np.float32), [0, 1, 0, 1])).images is None
    assert as_records((pixels[:, :, :4], [0, 1, 0, 1])).images is None


def test_classes_of_numbers_are_joined_to_the_longest() -> None:
    members, others = as_records((X, [0, 1, 0, 1])), as_records((X, [0, 1, 2, 4]))
    assert [each.classes for each in agree_on_classes([members, others])] == [
        ("0", "1", "2", "3", "4")
    ] * 2


def test_named_classes_are_renumbered_to_those_of_the_first_set() -> None:
    members = as_records((X, ["cat", "dog", "emu", "cat"]))
    others = as_records((X, ["emu", "emu", "dog", "dog"]))
    _, joined = agree_on_classes([members, others])
    assert joined.targets is not None
    assert joined.targets.tolist() == [2, 2, 1, 1]
    assert joined.classes == members.classes


def test_class_that_members_lack_is_named() -> None:
    members, others = as_records((X, list("abab"))), as_records((X, list("abac")))
    with pytest.raises(ImprintError, match="the class 'c' that records do not have"):
        agree_on_classes([members, others])


def test_regression_beside_classes_is_refused() -> None:
    with pytest.raises(ImprintError, match="records of classification and others of regression"):
        agree_on_classes([as_records((X, [0, 1, 0, 1])), as_records((X, X[:, 0]), name="others")])


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (object(), "cannot read records from an object of type object"),
        (([[1], [1, 2]], [0, 1]), "rows of one length"),
        ((X, [0, 1]), "4 inputs need as many targets .n., got 2"),
        ((X[:1], np.int64(3)), "1 inputs need as many targets"),
        ((X[:0], []), "there are no records"),
        ((np.array([["a"], ["b"]]), [0, 1]), "hold text, not numbers"),
        ((np.array([[{}], [None]]), [0, 1]), "hold objects, not numbers"),
        ((np.array([1j, 2]), [0, 1]), "must be real numbers"),
        ((np.full((4, 3), np.inf), [0, 1, 0, 1]), "are infinite, first in record 0"),
        ({"weights": X}, "no array named inputs or images: it holds weights"),
        ((np.float32(3), [0]), "got a single number"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(source: Any, said: str) -> None:
    with pytest.raises(ImprintError, match=said) as caught, np.errstate(invalid="ignore"):
        as_records(source)
    assert "\n" not in str(caught.value)


def test_missing_values_are_let_through_and_logged(capsys: pytest.CaptureFixture[str]) -> None:
    holes = X.copy()
    holes[2, 1] = np.nan
    as_records((holes, [0, 1, 0, 1]))
    assert "missing values (NaN) in 1 of 4 records, first in record 2" in capsys.readouterr().err


def test_sparse_inputs_become_dense_within_bounds() -> None:
    from scipy import sparse

    records = as_records((sparse.csr_matrix(X), [0, 1, 0, 1]))
    assert np.array_equal(records.inputs.read(np.arange(4)), X)
    with pytest.raises(ImprintError, match="GiB when dense"):
        as_records((sparse.csr_matrix((10**6, 10**6)), [0]))
