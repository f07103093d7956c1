import numpy as np
import pytest
import torch

from imprint import membership
from imprint.core.errors import ImprintError
from tests.probe.one_query.cases import random_networks

ATTACKS = [
    (membership.yoqo, {"steps": 2}, 1),
    (membership.oslo, {"rounds": 2, "validation_models": 1}, 5),
]


@pytest.mark.parametrize(("attack", "settings", "queries"), ATTACKS)
def test_a_target_that_always_answers_the_class_holds_all_members(attack, settings, queries):
    networks, members, inputs, _ = random_networks(4)
    labels = torch.ones(7, dtype=torch.int64)
    found = attack(
        lambda x: torch.ones(len(x)), networks, inputs, labels, members=members, **settings
    )
    assert (found.scores == 1).all()
    assert (found.queries, found.kept.shape, found.inputs.shape) == (
        queries,
        (queries, 7),
        (queries, 7, 4),
    )


@pytest.mark.parametrize(
    ("attack", "settings"), [(membership.yoqo, {"steps": 0}), (membership.oslo, {"rounds": 0})]
)
def test_without_steps_the_score_is_whether_the_target_is_right(attack, settings):
    networks, _, inputs, labels = random_networks(5)
    found = attack(networks[0], networks[1:], inputs, labels, **settings)
    right = networks[0](inputs).argmax(dim=1) == labels
    np.testing.assert_array_equal(found.scores, right.double().numpy())
    assert found.passes == 0


def test_cost_is_that_of_every_step_on_every_reference():
    networks, members, inputs, labels = random_networks(5)
    settings = {"members": members, "steps": 3}
    assert membership.yoqo(networks[0], networks, inputs, labels, **settings).passes == 15
    assert membership.oslo(networks[0], networks, inputs, labels, rounds=2).passes == 50


def test_members_that_a_target_memorized_are_found_by_one_label():
    # One direction of the input decides; each model also knows its own members by a bump there.
    torch.manual_seed(0)
    records = 60
    inputs = torch.cat([torch.randn(records, 1), torch.eye(records)], dim=1).double()
    labels = (torch.randn(records) > 0).long()
    members = torch.rand(9, records) < 0.5

    def model(row):
        bumps = torch.where(members[row], 8.0, 0.0).double() * (2 * labels - 1)
        return lambda x: torch.stack(
            [x[:, 0] * 0, x[:, 0] + (x[:, 1:] - 0.5).relu() @ bumps], dim=1
        )

    found = membership.yoqo(
        model(0), [model(row) for row in range(1, 9)], inputs, labels, members=members[1:]
    )
    right = model(0)(inputs).argmax(dim=1) == labels
    own = members[0].numpy()
    accuracy = (found.scores == own).mean()
    assert accuracy > (right.numpy() == own).mean()
    assert accuracy > 0.9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stepz": 3}, "there is no option 'stepz'; there are: offline, weight"),
        ({"steps": -1}, "steps must be at least 0"),
        ({"members": torch.zeros(2, 6, dtype=torch.bool)}, "7 inputs need as many labels"),
        ({"members": torch.zeros(3, 7, dtype=torch.bool)}, r"members must be \[2, 7\]"),
    ],
)
def test_what_does_not_fit_is_an_error(change, message):
    networks, _, inputs, labels = random_networks(3)
    with pytest.raises(ImprintError, match=message):
        membership.yoqo(networks[0], networks[1:], inputs, labels, **change)


def test_a_target_that_answers_with_something_else_is_an_error():
    networks, _, inputs, labels = random_networks(3)
    with pytest.raises(ImprintError, match=r"must return logits \[7, classes\] or labels \[7\]"):
        membership.yoqo(lambda x: x[None, :, :, None], networks, inputs, labels, steps=0)
