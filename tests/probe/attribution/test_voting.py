from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from imprint.core.errors import ImprintError
from imprint.data.imageset import ArrayImages
from imprint.data.view import View
from imprint.lenses.coverage.importance.voting import VotingOptions
from imprint.lenses.coverage.study.wisdom import PUBLISHED_METHODS, wisdom
from imprint.nets.fill import build_model
from imprint.nets.model_card import ModelCard
from imprint.neurons.importance import hidden, select, select_in_model
from imprint.probe.attribution.ablation import Ablation, norms_behind
from imprint.probe.attribution.attribution_options import AttributionOptions
from imprint.probe.attribution.importance import attribute, attribute_by
from imprint.probe.attribution.input_gains import input_gains, write_input_gains
from imprint.probe.attribution.voting import cast_ballots, keeping, loss_gains
from imprint.probe.neurons.layer_outputs import LayerOutputs
from imprint.study.tables import read_table

CARD = ModelCard("lenet", 1, 3, 16, (0.4,), (0.5,))


def model(card=CARD):
    torch.manual_seed(0)
    return build_model(card).eval()


def images(count=20, channels=1, size=16):
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (count, channels, size, size), dtype=np.uint8)
    return ArrayImages(pixels, np.arange(count) % 3, ("a", "b", "c"))


def tensor_of(data):
    return torch.from_numpy(data.pixels).float() / 255


def ready(model, data, after_norm=True):
    outputs = LayerOutputs(model)
    with torch.no_grad():
        layers = outputs.layers(outputs.run(tensor_of(data)))
    return Ablation(outputs, layers, tensor_of(data), after_norm, rows=16)


@pytest.mark.parametrize("correct_only", [False, True])
def test_tables_are_means_over_classes_whatever_the_batch(correct_only):
    module, data = model(), images()
    tables = [
        attribute(
            module, View(data, np.arange(20)), "lgxa", batch_size=size, correct_only=correct_only
        )
        for size in (7, 20)
    ]
    np.testing.assert_allclose(tables[0].scores, tables[1].scores, rtol=1e-4, atol=1e-6)
    table = tables[0]
    right = (module(tensor_of(data)).argmax(1) == torch.from_numpy(data.labels)).numpy()
    kept = right if correct_only else np.ones(20, dtype=bool)
    assert table.counts.tolist() == [
        int((kept & (data.labels == label)).sum()) for label in range(3)
    ] + [kept.sum()]
    assert table.layers.names == ("conv1", "conv2", "fc1", "fc2", "fc3")
    filled = table.counts[:3] > 0
    mean = (table.scores[:3][filled] * table.counts[:3][filled, None]).sum(0) / kept.sum()
    np.testing.assert_allclose(table.scores[3], mean, rtol=1e-9, atol=1e-12)
    assert table.positions == (144, 4, 1, 1, 1)


def test_several_methods_share_their_passes():
    module, data = model(), images()
    options = AttributionOptions(steps=10)
    names = ("la", "ii", "lc", "lrp", "ldl")
    together = attribute_by(module, View(data, np.arange(20)), names, options)
    for name in names:
        alone = attribute(module, View(data, np.arange(20)), name, options)
        np.testing.assert_allclose(together[name].scores, alone.scores, rtol=1e-5, atol=1e-7)
    assert together["ldl"].facts["completeness_gap"] < 1e-4
    assert "completeness_gap" not in together["la"].facts


def test_mean_is_sum_over_places():
    module, data = model(), images()
    total = attribute(module, View(data, np.arange(20)), "lgxa")
    mean = attribute(module, View(data, np.arange(20)), "lgxa", AttributionOptions(reduce="mean"))
    np.testing.assert_allclose(
        total.scaled("per_position").scores, mean.scores, rtol=1e-5, atol=1e-8
    )


def test_what_cannot_be_explained_is_refused():
    few = model(replace(CARD, outputs=2))
    with pytest.raises(ImprintError, match="tells 2 classes apart"):
        attribute(few, View(images(), np.arange(20)), "la")
    with pytest.raises(ImprintError, match="no classifier"):
        attribute(model(replace(CARD, outputs=None)), View(images(), np.arange(20)), "la")
    with pytest.raises(ImprintError, match="no inputs"):
        attribute(model(), View(images(), np.arange(0)), "la")
    with pytest.raises(ImprintError, match="unknown layer attribution"):
        attribute(model(), View(images(), np.arange(20)), "best")


def test_a_gap_is_told(capsys):
    attribute(model(), View(images(), np.arange(20)), "lc", AttributionOptions(steps=1))
    assert "lc: what it gives adds up" in capsys.readouterr().err


def test_taking_neurons_away_is_zeroing_their_weights():
    module, data = model(), images()
    ablation = ready(module, data, after_norm=False)
    keep = torch.ones(2, ablation.layers.neurons, dtype=torch.bool)
    keep[0, [1, 4, 6, 30]] = False  # conv1 1 and 4, conv2 0, fc1 8
    found = ablation.logits(tensor_of(data), keep)
    torch.testing.assert_close(found[1], module(tensor_of(data)).detach())
    net = module.network
    with torch.no_grad():
        for layer, rows in ((net.conv1, [1, 4]), (net.conv2, [0]), (net.fc1, [8])):
            layer.weight[rows] = 0
            layer.bias[rows] = 0
    torch.testing.assert_close(found[0], module(tensor_of(data)).detach())


def test_sets_of_each_inputs_own():
    module, data = model(), images()
    ablation = ready(module, data)
    random = torch.Generator().manual_seed(0)
    keep = torch.rand(3, 20, ablation.layers.neurons, generator=random) > 0.2
    found = ablation.logits(tensor_of(data), keep)
    for row in (0, 13):
        alone = ablation.logits(tensor_of(data)[row : row + 1], keep[:, row])
        torch.testing.assert_close(found[:, row], alone[:, 0])


class Normalised(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.plain = nn.Conv2d(4, 2, 3)
        self.other = nn.BatchNorm2d(2)
        self.head = nn.Linear(2, 3)

    def forward(self, x):
        x = torch.relu(self.norm(self.conv(x)))
        return self.head(self.other(torch.relu(self.plain(x))).mean((2, 3)))


@pytest.mark.parametrize("after_norm", [True, False])
def test_masks_leave_other_channels_bit_identical(after_norm):
    torch.manual_seed(0)
    model, data = Normalised().eval(), images()
    model.requires_grad_(False)
    model.norm.bias.fill_(0.7)
    ablation = ready(model, data, after_norm)
    assert norms_behind(ablation.outputs, tensor_of(data)) == {"conv": "norm"}
    keep = torch.ones(2, ablation.layers.neurons, dtype=torch.bool)
    keep[1, 2] = False
    seen = []
    handle = model.norm.register_forward_hook(lambda *told: seen.append(told[2].clone()))
    ablation.rows = 100
    ablation.logits(tensor_of(data), keep)
    handle.remove()
    if after_norm:
        # The test's hook stands before the mask's: look at what the next layer is given.
        handle = model.plain.register_forward_pre_hook(lambda *told: seen.append(told[1][0]))
        ablation.logits(tensor_of(data), keep)
        handle.remove()
    whole, without = seen[-1][:20], seen[-1][20:]
    others = [0, 1, 3]
    assert torch.equal(whole[:, others], without[:, others])
    norm = model.norm
    left = (
        0.0
        if after_norm
        else 0.7
        - float(norm.weight[2] * norm.running_mean[2] / (norm.running_var[2] + norm.eps).sqrt())
    )
    torch.testing.assert_close(without[:, 2], torch.full_like(without[:, 2], left))


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
        data,
        np.arange(40),
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
        images(12),
        np.arange(12),
        VotingOptions(published=True),
        AttributionOptions(steps=3),
        batch_size=4,
    )
    assert found.votes.sum() == 3 * 55
    assert tuple(found.wins) == PUBLISHED_METHODS


@pytest.mark.parametrize("per_layer", [False, True])
def test_gains_of_single_inputs_are_those_of_batches_of_one(per_layer, tmp_path):
    module, data = model(), images(12)
    names = ("la", "lrp")
    found = input_gains(
        module, View(data, np.arange(12)), names, 3, per_layer=per_layer, batch_size=5
    )
    scopes = ("conv1", "conv2", "fc1", "fc2") if per_layer else ("model",)
    assert found.scopes == scopes
    assert found.gains.shape == (12, len(scopes), 2)
    ablation = ready(module, data)
    for row in (0, 7):
        for method, name in enumerate(names):
            table = attribute(module, View(data, np.array([row])), name)
            for place, scope in enumerate(scopes):
                among = hidden(table.layers) if scope == "model" else (scope,)
                pick = select(table.layers, table.of(), 3, among)
                gains, _ = loss_gains(
                    ablation,
                    tensor_of(data)[row : row + 1],
                    torch.from_numpy(data.labels[row : row + 1]),
                    keeping(table.layers, [pick]),
                )
                assert found.gains[row, place, method] == pytest.approx(float(gains), abs=1e-5)
                assert found.means[row, place, method] == pytest.approx(
                    pick.scores.mean(), rel=1e-4, abs=1e-6
                )
                assert found.variances[row, place, method] == pytest.approx(
                    pick.scores.var(), rel=1e-3, abs=1e-6
                )
    assert found.predictions.tolist() == module(tensor_of(data)).argmax(1).tolist()
    assert found.features.shape == (12, 84)
    path = tmp_path / "inputs.parquet"
    write_input_gains(path, found, found.best)
    columns = read_table(path)
    assert len(columns["index"]) == 12 * len(scopes) * 2
    assert columns["best"].sum() == 12 * len(scopes)
    assert np.array_equal(columns["best"], columns["chosen"])
    assert columns["method"][:2].tolist() == list(names)
    assert columns["loss_gain"][0] == found.gains[0, 0, 0]
