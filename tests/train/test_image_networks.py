import pytest
import torch
from torch.nn import functional

from imprint.core.errors import ImprintError
from imprint.core.seeds import derive, generator
from imprint.nets.fill import initial_model
from imprint.train import image_networks
from imprint.train.image_networks import ImageNetworks, logits_of, train_image_networks
from imprint.train.retrain_options import RetrainOptions

RECORDS, QUERIES, SIDE = 9, 2, 8
LENET = ImageNetworks("lenet", {}, 1, 2, 16)
RESNET = ImageNetworks("cifar_resnet8", {}, 1, 2, SIDE)


def images(side: int = SIDE):
    random = torch.Generator().manual_seed(0)
    inputs = torch.randn(RECORDS + QUERIES, 1, side, side, generator=random)
    return inputs, torch.arange(RECORDS + QUERIES) % 2


def options(architecture="cifar_resnet8", **changes) -> RetrainOptions:
    values = {"epochs": 2, "batch_size": 4, "learning_rate": 0.05, "momentum": 0.9}
    return RetrainOptions(architecture=architecture, **values | changes)


def without(*rows: int):
    kept = torch.ones(RECORDS, dtype=torch.bool)
    kept[list(rows)] = False
    return kept


def test_network_without_a_record_is_that_of_the_same_batches_less_it() -> None:
    inputs, labels = images(16)
    chosen = options("lenet", weight_decay=0.01)
    [network] = train_image_networks(LENET, inputs, labels, without(3), [5], chosen, seed=7)
    model = initial_model(LENET.card, derive(7, "initialisation", 5))
    decayed = [each for each in model.parameters() if each.ndim > 1]
    plain = [each for each in model.parameters() if each.ndim == 1]
    groups = [{"params": decayed, "weight_decay": 0.01}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.SGD(groups, lr=0.05, momentum=0.9, nesterov=True)
    for epoch in range(2):
        for group in optimizer.param_groups:
            group["lr"] = chosen.rate(epoch)
        order = generator(7, "order", epoch).permutation(RECORDS)
        for start in range(0, RECORDS, 4):
            rows = [row for row in order[start : start + 4].tolist() if row != 3]
            if len(rows) >= 2:
                optimizer.zero_grad()
                functional.cross_entropy(model(inputs[rows]), labels[rows]).backward()
                optimizer.step()
    with torch.no_grad():
        torch.testing.assert_close(logits_of(network, inputs), model(inputs))


def test_pixels_of_a_record_left_out_change_nothing_even_with_batch_statistics() -> None:
    inputs, labels = images()
    other = inputs.clone()
    other[3] = 100.0
    kept = without(3)
    one, two = (
        train_image_networks(RESNET, each, labels, kept, [0], options(), seed=0)[0]
        for each in (inputs, other)
    )
    assert torch.equal(logits_of(one, inputs), logits_of(two, inputs))
    with_it = train_image_networks(RESNET, inputs, labels, without(), [0], options(), seed=0)[0]
    assert not torch.allclose(logits_of(one, inputs), logits_of(with_it, inputs))


def test_stack_trains_what_each_network_would_be_alone() -> None:
    inputs, labels = images()
    stacked = train_image_networks(RESNET, inputs, labels, without(1), [0, 4], options(), seed=0)
    for start, network in zip((0, 4), stacked, strict=True):
        [alone] = train_image_networks(RESNET, inputs, labels, without(1), [start], options(), 0)
        torch.testing.assert_close(
            logits_of(network, inputs), logits_of(alone, inputs), rtol=1e-3, atol=1e-4
        )


def test_networks_are_stacked_on_a_gpu_and_not_where_layers_draw_noise() -> None:
    assert RESNET.at_once(torch.device("cpu")) == 1
    assert RESNET.at_once(torch.device("cuda")) == image_networks.STACKED


def test_networks_that_cannot_be_trained_are_refused() -> None:
    inputs, labels = images()
    with pytest.raises(ImprintError, match="fewer than two records"):
        train_image_networks(
            RESNET, inputs, labels, without(*range(1, RECORDS)), [0], options(), seed=0
        )
    with pytest.raises(ImprintError, match="overflowed at a learning rate of"):
        train_image_networks(
            RESNET, inputs, labels, without(), [0], options(learning_rate=1e19), seed=0
        )
    with pytest.raises(ImprintError, match="input_size of at least 16"):
        ImageNetworks("lenet", {}, 1, 2, 8).check()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"momentum": 0.9}, "--train.momentum applies to networks of images"),
        ({"weight_decay": 0.1}, "--train.weight-decay applies to networks of images"),
        ({"architecture": "lenet", "width": 8}, "--train.width applies to fully_connected"),
    ],
)
def test_options_of_other_networks_are_refused(changes, message) -> None:
    with pytest.raises(ImprintError, match=message):
        RetrainOptions(**changes)


def test_cards_of_fully_connected_networks_hold_no_option_of_others() -> None:
    assert set(RetrainOptions().settings()) == {
        *("width", "epochs", "batch_size", "learning_rate", "drops", "loss", "shuffle")
    }
    assert "width" not in options().settings()
