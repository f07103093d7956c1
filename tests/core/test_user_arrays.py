import numpy as np
import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.core.user_arrays import as_array, as_labels, as_numbers, as_whole


def test_tensors_are_arrays_whatever_their_type_and_gradient():
    values = [0.5, -1.0]
    for tensor in (
        torch.tensor(values, requires_grad=True),
        torch.tensor(values, dtype=torch.bfloat16),
        torch.tensor(values, dtype=torch.bfloat16, requires_grad=True),
    ):
        assert as_numbers(tensor, "scores").tolist() == values


@pytest.mark.parametrize(
    "values",
    [
        ["a"],
        [None, 1.0],
        [1j],
        np.array(["2020-01-01"], dtype="datetime64[D]"),
        {"a": 1},
        "abc",
        np.zeros(2, dtype=[("a", float)]),
        [[1], [2, 3]],
        np.ma.masked_array([1.0, 2.0], mask=[True, False]),
        (value for value in (1.0, 2.0)),
    ],
)
def test_what_is_no_array_of_numbers_is_refused(values):
    with pytest.raises(ImprintError, match=r"^scores (must|has masked)"):
        as_numbers(values, "scores")


def test_numbers_are_copied():
    given = np.zeros(3)
    as_numbers(given, "scores")[0] = 1
    assert not given.any()
    assert as_array(given, "scores") is given


@pytest.mark.parametrize("wrong", [0.5, np.nan, np.inf, 2.0**63])
def test_classes_are_not_cut_to_whole_numbers(wrong):
    with pytest.raises(ImprintError, match="labels must hold whole numbers, got"):
        as_whole([0, wrong], "labels")


def test_whole_numbers_keep_all_their_digits():
    assert as_whole([2**60 + 1, -3], "index").tolist() == [2**60 + 1, -3]


@pytest.mark.parametrize("labels", [[-1, 0], [0, 2], [0], [[0, 1]]])
def test_labels_outside_the_classes_or_of_another_length_are_refused(labels):
    with pytest.raises(ImprintError):
        as_labels(labels, 2, classes=2)


def test_tensors_without_numbers_are_refused():
    with pytest.raises(ImprintError, match="scores cannot be read"):
        as_numbers(torch.zeros(2, device="meta"), "scores")


def test_objects_that_fail_to_be_arrays_are_refused():
    class Failing:
        def __array__(self, *_arguments, **_options):
            raise KeyError("no numbers")

    with pytest.raises(ImprintError, match="scores must be an array"):
        as_array(Failing(), "scores")
