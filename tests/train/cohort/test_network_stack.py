from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from imprint.core.errors import ImprintError
from imprint.core.seeds import derive, generator
from imprint.lenses.leave_one_out.kernels.fc import FullyConnected
from imprint.nets.fully_connected import initial_stack
from imprint.train.cohort.network_stack import TrainingSet, train_stack
from imprint.train.retrain_options import RetrainOptions

OPTIONS = RetrainOptions(width=6, epochs=4, batch_size=4, learning_rate=0.3, drops=(0.5,))
PRIOR = FullyConnected(depth=2, b_std=0.2, input_scale=1.5)


def data(records=11, dtype=torch.float64):
    random = torch.Generator().manual_seed(5)
    inputs = torch.randn(records, 5, generator=random).to(dtype)
    return TrainingSet(inputs, torch.randint(0, 3, (records,), generator=random), 3)


def all_but(records, *rows):
    kept = torch.ones(len(rows), records, dtype=torch.bool)
    for network, row in enumerate(rows):
        if row is not None:
            kept[network, row] = False
    return kept


def by_autograd(given, missing, pair, prior, options, seed):
    """One network by torch.optim on the records that are there, in their order."""
    start = initial_stack(
        prior, options.width, 5, 3, [derive(seed, "initialisation", pair)], dtype=torch.float64
    )
    network = start.network(0)
    optimizer = torch.optim.SGD(network.parameters(), lr=options.learning_rate)
    for epoch in range(options.epochs):
        if epoch == options.epochs / 2:
            optimizer.param_groups[0]["lr"] *= 0.1
        order = torch.from_numpy(generator(seed, "order", epoch).permutation(len(given.labels)))
        for batch in order.split(options.batch_size):
            rows = torch.tensor([row for row in batch.tolist() if row != missing])
            logits = network(given.inputs[rows] * prior.input_scale)
            if options.loss == "cross_entropy":
                loss = functional.cross_entropy(logits, given.labels[rows])
            else:
                wanted = functional.one_hot(given.labels[rows], 3).double() - 1 / 3
                loss = 0.5 * (logits - wanted).square().sum(1).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return network(given.inputs * prior.input_scale).detach()


@pytest.mark.parametrize("activation", ["relu", "gelu", "erf", "tanh", "leaky_relu:0.2"])
@pytest.mark.parametrize("loss", ["cross_entropy", "squared"])
def test_each_network_is_the_one_trained_alone_without_its_record(activation, loss):
    prior = FullyConnected(depth=2, activation=activation, b_std=0.2, input_scale=1.5)
    options = replace(OPTIONS, loss=loss, learning_rate=0.3 if loss == "cross_entropy" else 0.02)
    given, missing, pairs = data(), [None, 3, 0, 10], [0, 0, 1, 2]
    stack = train_stack(given, all_but(11, *missing), pairs, prior, options, seed=9)
    logits = stack.logits(given.inputs * prior.input_scale)
    for network, (row, pair) in enumerate(zip(missing, pairs, strict=True)):
        alone = by_autograd(given, row, pair, prior, options, 9)
        torch.testing.assert_close(logits[network], alone, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("row", [0, 4, 10])
def test_a_record_that_is_left_out_leaves_no_trace(row):
    """The first and the last record too, where the publication's code removes others."""
    given = data()
    poisoned = given.inputs.clone()
    poisoned[row] = 1e3
    kept = all_but(11, row, (row + 1) % 11)
    clean, dirty = (
        train_stack(TrainingSet(inputs, given.labels, 3), kept, [0, 0], PRIOR, OPTIONS, 1)
        for inputs in (given.inputs, poisoned)
    )
    for one, other in zip(clean.weights, dirty.weights, strict=True):
        torch.testing.assert_close(one[0], other[0], rtol=1e-12, atol=1e-12)
        assert not torch.allclose(one[1], other[1])


def test_pairs_start_alike_and_differ_by_the_record_alone():
    given = data()
    seen = {}

    def watch(epoch, stack):
        seen[epoch] = [weight.clone() for weight in stack.weights]

    train_stack(given, all_but(11, None, 2), [7, 7], PRIOR, OPTIONS, 1, watch)
    assert all(torch.equal(weight[0], weight[1]) for weight in seen[0])
    assert not torch.allclose(seen[4][0][0], seen[4][0][1])
    assert sorted(seen) == [0, 1, 2, 3, 4]


def test_queries_change_no_weight_and_batches_are_of_records():
    given, options = data(13), replace(OPTIONS, batch_size=9)
    kept = all_but(9, None, 2)
    alone = TrainingSet(given.inputs[:9], given.labels[:9], 3)
    one, other = (train_stack(each, kept, [0, 0], PRIOR, options, 1) for each in (alone, given))
    assert all(torch.equal(*pair) for pair in zip(one.weights, other.weights, strict=True))
    # A batch of all records is one step an epoch, whatever their order.
    still = replace(options, shuffle=False)
    ordered = train_stack(given, kept, [0, 0], PRIOR, still, 1)
    torch.testing.assert_close(ordered.weights[0], one.weights[0], rtol=1e-10, atol=1e-12)


def test_learning_rate_falls_at_the_published_epochs():
    options = RetrainOptions(epochs=50, learning_rate=1e-3)
    rates = [options.rate(epoch) for epoch in (24, 25, 34, 35, 44, 45)]
    assert rates == pytest.approx([1e-3, 1e-4, 1e-4, 1e-5, 1e-5, 1e-6])


def test_float32_is_float64_up_to_rounding():
    kept = all_but(11, None, 2)
    one, other = (
        train_stack(data(dtype=dtype), kept, [0, 0], PRIOR, OPTIONS, 1).weights[0].double()
        for dtype in (torch.float32, torch.float64)
    )
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_bad_input():
    given = data()
    steep, erf = (
        replace(OPTIONS, learning_rate=1e9, loss="squared"),
        FullyConnected(activation="erf"),
    )
    with pytest.raises(ImprintError, match="lower it"):
        train_stack(data(dtype=torch.float32), all_but(11, 1), [0], erf, steep, 1)
    with pytest.raises(ImprintError, match="without any record"):
        train_stack(given, torch.zeros(1, 11, dtype=torch.bool), [0], PRIOR, OPTIONS, 1)
    with pytest.raises(ImprintError, match="12 records to train on are more than the 11"):
        train_stack(given, all_but(12, 1), [0], PRIOR, OPTIONS, 1)
