"""Classes as numbers and as names."""

import pytest

from imprint.core.errors import ImprintError
from imprint.data.labels import distinct_names, numbered_labels


def labels(written, spoken=None, classes=()):
    numbers, names = numbered_labels(written, spoken or [""] * len(written), classes, "x")
    return numbers.tolist(), names


def test_numbers_are_labels_and_names_are_sorted():
    assert labels(["2", "0", "2"]) == ([2, 0, 2], ("0", "1", "2"))
    assert labels(["b", "a", "b"]) == ([1, 0, 1], ("a", "b"))


def test_names_of_classes_come_from_a_list_or_beside_the_numbers():
    assert labels(["1", "0"], classes=("cat", "dog", "hen")) == ([1, 0], ("cat", "dog", "hen"))
    assert labels(["2", "0"], ["hen", "cat"]) == ([2, 0], ("cat", "1", "hen"))
    assert labels(["hen", "cat"], classes=("cat", "dog", "hen"))[0] == [2, 0]


@pytest.mark.parametrize(
    ("written", "spoken", "classes", "message"),
    [
        (["0", "cat"], None, (), "classes are numbers, such as 0, but also 'cat'"),
        (["100000"], None, (), "label 100000 is too large, at most 100000 classes count"),
        (["3"], None, ("a", "b"), "label 3 is too large, 2 classes are named, from 0 to 1"),
        (["0", "0"], ["a", "b"], (), "class 0 is called both 'a' and 'b'"),
        (["emu"], None, ("a",), "the class 'emu', which is not among the 1 named ones"),
    ],
)
def test_what_does_not_fit_is_refused(written, spoken, classes, message):
    with pytest.raises(ImprintError, match=message):
        labels(written, spoken, classes)


def test_classes_of_one_name_carry_their_numbers():
    assert distinct_names(["crane", "hen", "crane"]) == ("crane (0)", "hen", "crane (2)")
    assert labels(["0", "1"], classes=("crane", "crane"))[1] == ("crane (0)", "crane (1)")
