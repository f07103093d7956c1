import pytest
import torch
import torch.nn.functional as F

from imprint.core.errors import ImprintError
from imprint.probe.one_query.yoqo import YoqoOptions, craft_yoqo, offline_loss, online_loss
from tests.probe.one_query.cases import linear, random_networks


def number(value):
    return torch.tensor([value], dtype=torch.float64)


def test_losses_of_the_published_weights():
    assert offline_loss(number(0.01), number(0.5), 5.0).item() == pytest.approx(0.55)
    assert online_loss(number(0.2), number(0.5), 2.0).item() == pytest.approx(1.2)


def mean(values):
    return torch.stack(values).mean() if values else torch.zeros((), dtype=torch.float64)


def slow_search(networks, members, x, y, options):
    """Return x′ of one record by automatic differentiation of the whole loss."""
    wrong = []
    for network in networks:
        logits = network(x[None])[0].detach().clone()
        logits[y] = -torch.inf
        wrong.append(int(logits.argmax()))
    point = x.clone()
    for _ in range(options.steps):
        point = point.detach().requires_grad_()
        of_label, of_wrong = (
            [
                F.cross_entropy(network(point[None]), torch.tensor([c]))
                for network, c in zip(networks, classes, strict=True)
            ]
            for classes in ([int(y)] * len(networks), wrong)
        )
        outside = mean([v for v, m in zip(of_wrong, members, strict=True) if not m])
        if options.offline:
            loss = offline_loss((point - x).square().mean(), outside, options.weight)
        else:
            inside = mean([v for v, m in zip(of_label, members, strict=True) if m])
            loss = online_loss(inside, outside, options.weight)
        if 16 * loss <= options.stop_loss:
            return point.detach()
        point = point - options.step_size * 16 * torch.autograd.grad(loss, point)[0]
        point = point.clamp(options.least, options.most)
    return point.detach()


@pytest.mark.parametrize("offline", [False, True])
def test_many_records_at_once_take_the_steps_that_each_takes_alone(offline):
    networks, members, inputs, labels = random_networks(5)
    options = YoqoOptions(offline=offline, steps=9, step_size=0.02, stop_loss=12, most=1.5)
    crafted = craft_yoqo(networks, members, inputs, labels, options)
    for row in range(len(inputs)):
        expected = slow_search(networks, members[:, row], inputs[row], labels[row], options)
        torch.testing.assert_close(crafted[row], expected)
    assert not torch.equal(crafted, inputs)


def test_the_best_wrong_class_is_kept_from_the_record():
    # From (1, .9, 0) the wrong class of the OUT model is 1 and x′ moves towards it.
    network = linear([[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]])
    record = torch.tensor([[1.0, 0.9, 0.0]], dtype=torch.float64)
    options = YoqoOptions(steps=20, step_size=0.05)
    members = torch.tensor([[False]])
    [crafted] = craft_yoqo([network], members, record, torch.tensor([0]), options)
    assert crafted.argmax() == 1


def test_no_steps_leave_the_record():
    networks, members, inputs, labels = random_networks(3)
    crafted = craft_yoqo(networks, members, inputs, labels, YoqoOptions(steps=0))
    assert torch.equal(crafted, inputs)


def test_networks_are_left_in_their_mode_and_without_gradients():
    networks, members, inputs, labels = random_networks(2)
    networks[0].train(), networks[1].eval()
    craft_yoqo(networks, members, inputs, labels, YoqoOptions(steps=1))
    assert [network.training for network in networks] == [True, False]
    assert all(tensor.grad is None for tensor in networks[0].parameters())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"members": torch.zeros(2, 7, dtype=torch.bool)}, r"members must be \[3, 7\]"),
        ({"labels": torch.zeros(6, dtype=torch.int64)}, r"labels \[7\]: got .* labels \[6\]"),
        ({"inputs": torch.zeros(7, 4, dtype=torch.int64)}, "inputs must be floats"),
    ],
)
def test_what_does_not_fit_is_an_error(change, message):
    networks, members, inputs, labels = random_networks(3)
    given = {"members": members, "inputs": inputs, "labels": labels, **change}
    with pytest.raises(ImprintError, match=message):
        craft_yoqo(networks, **given, options=YoqoOptions())
