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
def test_a_chosen_layer_counts_and_else_the_last_one_there_is(
    changes, has_projector, expected
) -> None:
    assert searched_layer(AttackChoice(**changes), has_projector) == expected
