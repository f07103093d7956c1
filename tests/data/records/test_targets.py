"""Targets: which task they are of, and the number of each class."""

from typing import Any

import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.data.records.targets import settle_targets


def settle(values: Any, task: Any = None, classes: Any = None, own: Any = ()) -> Any:
    targets, task, names = settle_targets(values, task, classes, own, "records")
    return targets.tolist(), task, names


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 2], ([0, 2], "classification", ("0", "1", "2"))),
        (["b", "a"], ([1, 0], "classification", ("a", "b"))),
        ([True, False], ([1, 0], "classification", ("False", "True"))),
        ([[1], [0]], ([1, 0], "classification", ("0", "1"))),
        ([0.5, 2.0], ([0.5, 2.0], "regression", ())),
        ([[0.5, 2.0]], ([[0.5, 2.0]], "regression", ())),
        ([[1, 1], [0, 1]], ([[1, 1], [0, 1]], "multi_label", ("0", "1"))),
        (np.array(["x", "y"], dtype=object), ([0, 1], "classification", ("x", "y"))),
    ],
)
def test_task_is_inferred(values: Any, expected: Any) -> None:
    assert settle(values) == expected


def test_user_overrides_the_inferred_task() -> None:
    assert settle([0, 3], "regression") == ([0.0, 3.0], "regression", ())
    assert settle([1.0, 0.0], "classification") == ([1, 0], "classification", ("0", "1"))
    assert settle(np.eye(2, dtype=int), "multi_label")[1] == "multi_label"


def test_classes_of_the_model_number_the_targets() -> None:
    assert settle([5, 9], classes=[3, 5, 9])[0] == [1, 2]
    assert settle([0, 2], classes=["cat", "dog", "emu"])[0] == [0, 2]
    assert settle(["emu"], classes=["cat", "dog", "emu"])[0] == [2]
    assert settle([1.0, 2.0], classes=[1, 2])[0] == [0, 1]


def test_names_of_the_source_are_joined_by_name() -> None:
    assert settle([0, 1], classes=["dog", "cat"], own=("cat", "dog"))[0] == [1, 0]
    with pytest.raises(ImprintError, match="class 'emu', which is none of dog, cat"):
        settle([0], classes=["dog", "cat"], own=("emu",))


@pytest.mark.parametrize(
    ("values", "task", "said"),
    [
        ([-1, 2], None, "run from -1 to 2"),
        ([10**9], None, "run from 1000000000"),
        (np.eye(3), None, "single 1"),
        ([[0, 2], [1, 1]], None, "whole numbers"),
        ([0.5, np.nan], None, "missing or infinite, first in record 1"),
        (["a", None], None, "hold objects"),
        ([0.5], "classification", "must be classes, got 0.5"),
        ([[0.5, 1]], "multi_label", "0 or 1 a label"),
        (["a"], "regression", "must hold numbers"),
        ([1], "ranking", "must be classification"),
        (np.array(["2020-01-01"], dtype="datetime64"), None, "numbers or texts"),
        (np.zeros((2, 2, 2)), None, "got shape"),
    ],
)
def test_targets_of_no_task_are_refused(values: Any, task: Any, said: str) -> None:
    with pytest.raises(ImprintError, match=said):
        settle(values, task)
