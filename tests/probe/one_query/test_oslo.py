import math

import pytest
import torch
import torch.nn.functional as F

from imprint.core.errors import ImprintError
from imprint.probe.one_query.oslo import OsloOptions, craft_oslo
from tests.probe.one_query.cases import linear, random_networks


def slow_search(networks, members, x, y, options):
    """Return x′ of every threshold of one record."""
    cut = len(networks) - options.validation_models
    outside = lambda part, masks: [n for n, m in zip(part, masks, strict=True) if not m]  # noqa: E731
    sources = outside(networks[:cut], members[:cut])
    judges = outside(networks[cut:], members[cut:])
    label = torch.tensor([int(y)])
    if not sources or not judges:
        return torch.stack([x] * len(options.thresholds))
    point, frozen = x.clone(), []
    for step in range(options.rounds * options.steps):
        point = point.detach().requires_grad_()
        entropy = torch.stack([F.cross_entropy(n(point[None]), label) for n in sources]).mean()
        moved = point + options.step_size * 9 * torch.autograd.grad(entropy, point)[0]
        limit = options.radius * (step // options.steps + 1) / options.rounds
        difference = moved.detach() - x
        point = x + difference * min(1.0, limit / float(difference.norm()))
        sure = -torch.stack([F.cross_entropy(n(point[None]), label) for n in judges]).mean()
        while len(frozen) < len(options.thresholds) and sure < math.log(
            options.thresholds[len(frozen)]
        ):
            frozen.append(point.detach())
        if len(frozen) == len(options.thresholds):
            break
    missing = len(options.thresholds) - len(frozen)
    return torch.stack(frozen + [point.detach()] * missing)


def test_many_records_at_once_take_the_steps_that_each_takes_alone():
    networks, members, inputs, labels = random_networks(6)
    options = OsloOptions(
        thresholds=(0.5, 0.2, 0.01), validation_models=2, rounds=6, steps=3, radius=2.0
    )
    crafted = craft_oslo(networks, members, inputs, labels, options)
    for row in range(len(inputs)):
        expected = slow_search(networks, members[:, row], inputs[row], labels[row], options)
        torch.testing.assert_close(crafted[:, row], expected)
    assert not torch.equal(crafted[0], crafted[2])


def test_the_number_of_models_does_not_change_when_an_input_is_frozen():
    [network], _, inputs, labels = random_networks(1)
    options = OsloOptions(validation_models=1, rounds=5)
    few = craft_oslo([network] * 2, torch.zeros(2, 7, dtype=bool), inputs, labels, options)
    options = OsloOptions(validation_models=4, rounds=5)
    many = craft_oslo([network] * 10, torch.zeros(10, 7, dtype=bool), inputs, labels, options)
    torch.testing.assert_close(few, many)


def test_no_input_leaves_its_ball_and_range():
    networks, members, inputs, labels = random_networks(5)
    inputs = inputs.sigmoid()
    options = OsloOptions(rounds=4, radius=0.3, least=0, most=1, step_size=0.1)
    crafted = craft_oslo(networks, members, inputs, labels, options)
    assert ((crafted - inputs).norm(dim=2) <= 0.3 + 1e-12).all()
    assert crafted.min() >= 0
    assert crafted.max() <= 1


def test_a_record_of_which_every_model_is_a_member_model_stays():
    networks = [linear([[1.0, 0], [0, 1.0]])] * 4
    record = torch.tensor([[0.6, 0.4]], dtype=torch.float64)
    members = torch.ones(4, 1, dtype=torch.bool)
    crafted = craft_oslo(networks, members, record, torch.tensor([0]), OsloOptions())
    assert torch.equal(crafted, record.expand(5, 1, 2))


def test_too_few_references_and_bad_thresholds_are_errors():
    networks, members, inputs, labels = random_networks(3)
    with pytest.raises(ImprintError, match="3 reference models leave no source beside 3"):
        craft_oslo(networks, members, inputs, labels, OsloOptions())
    for thresholds in ((), (0.1, 0.5), (0.0,), (2.0, 0.5)):
        with pytest.raises(ImprintError, match="thresholds must be descending"):
            OsloOptions(thresholds=thresholds)
