import numpy as np
import pytest
import torch
from torch import nn

from imprint.core.errors import ImprintError
from imprint.data.view import View
from imprint.lenses.coverage.importance.voting import VotingOptions
from imprint.lenses.coverage.study.votes import PUBLISHED_METHODS, wisdom
from imprint.neurons.importance import select_in_model
from imprint.probe.attribution.ablation import Ablation, loss_gains
from imprint.probe.attribution.attribution_options import AttributionOptions
from imprint.probe.attribution.voting import cast_ballots, keeping
from imprint.probe.neurons.layer_outputs import LayerOutputs
from tests.probe.attribution.lenet_images import images, model, ready, tensor_of


def test_loss_gains_by_hand():
    """Without its one neuron the network says (0, 0): ln 2 instead of ln(1 + exp(−3))."""
    model = nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 2, bias=False))
    with torch.no_grad():
        model[0].weight.fill_(1)
        model[0].bias.zero_()
        model[1].weight.copy_(torch.tensor([[1.0], [0.0]]))
    outputs = LayerOutputs(model)
    layers = outputs.layers(outputs.run(torch.ones(1, 1)))
    inputs, labels = torch.tensor([[3.0], [3.0]]), torch.tensor([0, 1])
    picks = [select_in_model(layers, np.array([1.0, 0.0, 0.0]), 1)]
    gains, drops = loss_gains(
        Ablation(outputs, layers, inputs), inputs, labels, keeping(layers, picks)
    )
    base = np.log1p(np.exp(-3.0))
    np.testing.assert_allclose(gains.numpy(), [[np.log(2) - base, np.log(2) - 3 - base]], rtol=1e-6)
    assert drops.tolist() == [[0.0, 0.0]]


def test_ballots_are_judged_on_the_next_batch():
    module, data = model(), images()
    options = AttributionOptions(steps=4)
    how = {"batch_size": 10, "after_norm": False}
    own, next_ = (
        list(
            cast_ballots(
                module, View(data, np.arange(20)), ("la", "lrp"), 3, options, held_out=held, **how
            )
        )
        for held in (False, True)
    )
    assert len(own) == len(next_) == 2
    ablation = ready(module, data, after_norm=False)
    for row, (one, other) in enumerate(zip(own, next_, strict=True)):
        np.testing.assert_array_equal(one.scores, other.scores)
        assert one.chosen[1].neurons.tolist() == other.chosen[1].neurons.tolist()
        for ballot, batch in ((one, row), (other, 1 - row)):
            part = slice(10 * batch, 10 * batch + 10)
            gains, drops = loss_gains(
                ablation,
                tensor_of(data)[part],
                torch.from_numpy(data.labels[part]),
                keeping(ballot.layers, ballot.chosen),
            )
            np.testing.assert_allclose(ballot.gains, gains.sum(1), rtol=1e-4, atol=1e-6)
            np.testing.assert_allclose(ballot.drops, drops.mean(1))
    with pytest.raises(ImprintError, match="one batch of 20"):
        next(cast_ballots(module, View(data, np.arange(20)), ("la",), 3, batch_size=20))


def test_scaled_scores_make_layers_comparable():
    module, data = model(), images()
    raw, scaled = (
        next(
            cast_ballots(
                module, View(data, np.arange(20)), ("lrp",), 8, scaling=kind, batch_size=10
            )
        )
        for kind in ("none", "layer_sum")
    )
    # Dropped after one ballot, they leave the network as it was.
    assert all(weight.requires_grad for weight in module.parameters())
    for part in list(raw.layers.slices.values())[:-1]:
        np.testing.assert_allclose(np.abs(scaled.scores[0, part]).sum(), 1)
        assert raw.scores[0, part].argmax() == scaled.scores[0, part].argmax()


def test_wisdom_finds_the_neurons_that_carry_the_answer():
    """A classifier that reads nothing but two neurons of fc2: no other of fc2 can get a vote."""
    module, data = model(), images(40)
    with torch.no_grad():
        module.network.fc3.weight[:, 2:] = 0
        module.network.fc3.weight[:, :2] *= 20
        module.network.fc2.bias[:2] = 1
    found = wisdom(
        module,
        View(data, np.arange(40)),
        VotingOptions(m=4, window=0),
        AttributionOptions(reduce="mean"),
        methods=("lrp", "ldl"),
        batch_size=8,
    )
    of_fc2 = found.votes[found.layers.slices["fc2"]]
    assert of_fc2[:2].max() > 0
    assert of_fc2[2:].tolist() == [0] * 82
    assert found.batches + found.skipped == 5
    assert found.frequency.sum() == pytest.approx(4)


def test_published_votes_add_up_on_a_network():
    found = wisdom(
        model(),
        View(images(12), np.arange(12)),
        VotingOptions(published=True),
        AttributionOptions(steps=3),
        batch_size=4,
    )
    assert found.votes.sum() == 3 * 55
    assert tuple(found.wins) == PUBLISHED_METHODS
