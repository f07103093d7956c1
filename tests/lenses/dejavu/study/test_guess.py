import pytest

from imprint.lenses.dejavu.options import AttackChoice
from imprint.lenses.dejavu.study.guess import searched_layer


@pytest.mark.parametrize(
    ("changes", "has_projector", "expected"),
    [
        ({}, True, "projector"),
        ({}, False, "backbone"),
        ({"decision": "logits"}, True, "logits"),
        ({"layer": "projector"}, False, "projector"),
        ({"layer": "backbone", "decision": "logits"}, True, "backbone"),
    ],
)
def test_the_layer_is_the_chosen_one_or_else_the_last(changes, has_projector, expected) -> None:
    assert searched_layer(AttackChoice(**changes), has_projector) == expected
