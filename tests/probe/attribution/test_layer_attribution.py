from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from imprint.core.errors import ImprintError
from imprint.probe.attribution.attribution_options import AttributionOptions
from imprint.probe.attribution.importance import completeness_gap, neuron_values
from imprint.probe.attribution.layer_attribution import ATTRIBUTORS, Question
from imprint.probe.neurons.layer_outputs import LayerOutputs, cut_layers, frozen


class Modules(nn.Module):
    """Every non-linearity a module of its own, as Captum needs it."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(4)
        self.relu1 = nn.ReLU()
        self.pool1 = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(4, 5, 3)
        self.relu2 = nn.ReLU()
        self.pool2 = nn.AvgPool2d(2)
        self.fc1 = nn.Linear(5, 7)
        self.relu3 = nn.ReLU()
        self.fc2 = nn.Linear(7, 4)

    def forward(self, x):
        x = self.pool1(self.relu1(self.bn1(self.conv1(x))))
        x = self.pool2(self.relu2(self.conv2(x)))
        return self.fc2(self.relu3(self.fc1(x.flatten(1))))


class Functions(Modules):
    """The same network with functional and in-place non-linearities."""

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x)), inplace=True), 2)
        x = F.avg_pool2d(self.conv2(x).relu_(), 2)
        return self.fc2(torch.relu(self.fc1(x.flatten(1))))


class Residual(nn.Module):
    def __init__(self, activation=F.relu):
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.inner = nn.Conv2d(4, 4, 3, padding=1)
        self.gate = nn.Linear(4, 4)
        self.head = nn.Linear(4, 4)
        self.activation = activation

    def forward(self, x):
        x = self.stem(x)
        x = self.activation(x)
        update = self.inner(x)
        update += x
        maps = self.activation(update)
        maps = F.max_pool2d(maps, 3, stride=2, padding=1)
        pooled = maps.mean((2, 3))
        return self.head(pooled * torch.sigmoid(self.gate(pooled)))


def build(kind, **options):
    torch.manual_seed(1)
    model = kind(**options).eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            with torch.no_grad():
                module.running_mean.normal_()
                module.running_var.uniform_(0.5, 2)
                module.weight.normal_()
                module.bias.normal_()
    return model


def ask(model, options=None, count=6, ids=None, pool=None, seed=0):
    random = torch.Generator().manual_seed(seed)
    inputs = torch.randn(count, 3, 8, 8, generator=random)
    labels = torch.randint(0, 4, (count,), generator=random)
    ids = torch.arange(count) if ids is None else ids
    for weight in model.parameters():
        weight.requires_grad_(False)
    return Question(
        LayerOutputs(model),
        inputs,
        labels,
        ids,
        torch.zeros(1, 3, 8, 8),
        pool,
        options or AttributionOptions(),
    )


def compute(name, question):
    return dict(ATTRIBUTORS.get(name).compute(question))


def close(found, wanted, tolerance=1e-4):
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        size = value.abs().max()
        assert size > 0
        assert (found[name] - value).abs().max() <= tolerance * size, name


def test_all_eleven_and_the_control_are_there():
    assert ATTRIBUTORS.names() == sorted(
        ["la", "lgxa", "lrp", "ldl", "ldls", "lgs", "lig", "ii", "lc", "lgc", "lfa", "random"]
    )


def test_random_scores_are_those_of_the_seed_and_say_nothing_of_inputs():
    model = build(Modules)
    first = compute("random", ask(model, AttributionOptions(seed=1)))
    again = compute("random", ask(build(Functions), AttributionOptions(seed=1)))
    other = compute("random", ask(model, AttributionOptions(seed=2)))
    for name, scores in first.items():
        assert torch.equal(scores, again[name])
        assert torch.equal(scores, scores[:1].expand_as(scores))
        assert not torch.equal(scores, other[name])
        assert 0 <= float(scores.min()) <= float(scores.max()) < 1


def captum_of(name, model, question):
    attr = pytest.importorskip("captum.attr")
    for weight in model.parameters():
        weight.requires_grad_(True)
    layers = dict(model.named_modules())
    zero = question.baseline.expand_as(question.inputs).contiguous()
    found = {}
    for layer in ("conv1", "conv2", "fc1", "fc2"):
        module = layers[layer]
        x, target = question.inputs.clone().requires_grad_(), question.labels
        if name == "la":
            value = attr.LayerActivation(model, module).attribute(x)
        elif name == "lgxa":
            value = attr.LayerGradientXActivation(model, module).attribute(x, target)
        elif name == "lrp":
            value = attr.LayerLRP(model, module).attribute(x, target)
        elif name == "ldl":
            value = attr.LayerDeepLift(model, module).attribute(x, zero, target)
        elif name == "ldls":
            value = attr.LayerDeepLiftShap(model, module).attribute(x, zero, target)
        elif name == "lig":
            value = attr.LayerIntegratedGradients(model, module).attribute(x, zero, target)
        elif name == "ii":
            value = attr.InternalInfluence(model, module).attribute(x, zero, target)
        else:
            value = attr.LayerConductance(model, module).attribute(x, zero, target)
        found[layer] = value.detach()
    return found


@pytest.mark.parametrize("name", ["la", "lgxa", "ldl", "ldls", "lig", "ii", "lc"])
@pytest.mark.filterwarnings("ignore")
def test_captum_says_the_same(name):
    model = build(Modules)
    # Captum's DeepLIFT adds up to F(x) − F(x′) behind max-pooling at constant baselines alone.
    question = ask(model, AttributionOptions(quadrature="gauss_legendre"))
    found, wanted = compute(name, question), captum_of(name, build(Modules), question)
    close(found, wanted, 1e-4)


@pytest.mark.parametrize("name", sorted(set(ATTRIBUTORS.names())))
def test_functions_and_modules_are_the_same_network(name):
    one, other = (compute(name, ask(build(kind))) for kind in (Modules, Functions))
    close(one, other, 1e-5)


@pytest.mark.filterwarnings("ignore")
def test_lrp_is_gradient_times_activation_and_captum_agrees():
    pytest.importorskip("captum")
    from captum.attr import LayerLRP

    question = ask(build(Modules))
    found = compute("lrp", question)
    model = build(Modules)
    for layer in ("conv1", "conv2", "fc1"):
        # Captum has no rule for Flatten modules; the network flattens by a function.
        wanted = LayerLRP(model, getattr(model, layer)).attribute(
            question.inputs.clone(), question.labels
        )
        close({layer: found[layer]}, {layer: wanted.detach()})


@pytest.mark.parametrize("kind", [Modules, Functions, Residual])
@pytest.mark.parametrize("name", ["ldl", "lc", "lig"])
@pytest.mark.parametrize("constant", [True, False])
def test_cut_layers_are_complete(kind, name, constant):
    model = build(kind)
    question = ask(model, AttributionOptions(steps=400))
    if not constant:
        baseline = torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(7))
        question = replace(question, baseline=baseline)
    cuts = cut_layers(question.outputs, question.inputs)
    gap = completeness_gap(question, compute(name, question), cuts)
    assert gap < (1e-5 if name == "ldl" else 2e-2)


@pytest.mark.parametrize("activation", [F.gelu, F.silu, torch.tanh, F.hardswish])
def test_deep_lift_is_complete_with_smooth_activations_gates_and_overlapping_pools(activation):
    question = ask(build(Residual, activation=activation))
    cuts = cut_layers(question.outputs, question.inputs)
    assert completeness_gap(question, compute("ldl", question), cuts) < 1e-5


@pytest.mark.parametrize("kind", ["keyword", "position", "method", "times"])
def test_operations_that_overwrite_their_input(kind):
    class Overwriting(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = nn.Linear(192, 9), nn.Linear(9, 4)

        def forward(self, x):
            x = self.one(x.flatten(1))
            if kind == "keyword":
                F.relu(x, inplace=True)
            elif kind == "position":
                x = F.leaky_relu(x, 0.1, True)
            elif kind == "method":
                x.tanh_()
            else:
                x *= torch.sigmoid(x)
            return self.two(x)

    question = ask(build(Overwriting))
    found = compute("ldl", question)
    assert completeness_gap(question, found, ("one", "two")) < 1e-5
    again = ask(build(Overwriting)).seen.logits
    torch.testing.assert_close(again, build(Overwriting)(question.inputs))


def test_ties_of_a_constant_baseline_do_not_depend_on_the_batch():
    torch.manual_seed(2)
    model = nn.Sequential(
        nn.Conv2d(3, 6, 3),
        nn.ReLU(),
        nn.Conv2d(6, 8, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32, 4),
    )
    whole = ask(model, count=40)
    found = compute("ldl", whole)
    for row in range(0, 40, 9):
        rows = torch.tensor([row])
        alone = replace(
            whole, inputs=whole.inputs[rows], labels=whole.labels[rows], ids=whole.ids[rows]
        )
        one = compute("ldl", alone)
        close(one, {name: value[rows] for name, value in found.items()}, 1e-4)


def test_gradient_methods_notice_when_they_are_not_complete():
    question = ask(build(Modules))
    cuts = cut_layers(question.outputs, question.inputs)
    assert completeness_gap(question, compute("lgxa", question), cuts) > 0.01


def test_layers_beside_a_shortcut_are_no_cuts():
    question = ask(build(Residual))
    assert cut_layers(question.outputs, question.inputs) == ("stem", "head")
    assert cut_layers(ask(build(Modules)).outputs, question.inputs) == (
        "conv1",
        "conv2",
        "fc1",
        "fc2",
    )


def test_deep_lift_by_hand():
    """F = relu(2x − 1) from 0 to 2: relu(3) − relu(−1) = 3 over a difference of 4."""
    model = nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.Linear(1, 1)).eval()
    with torch.no_grad():
        for weight, value in zip(model.parameters(), (2.0, -1.0, 5.0, 7.0), strict=True):
            weight.fill_(value)
    with frozen(model):
        question = Question(
            LayerOutputs(model),
            torch.tensor([[2.0]]),
            torch.tensor([0]),
            torch.tensor([0]),
            torch.zeros(1, 1),
        )
        found = compute("ldl", question)
        assert found["0"].item() == pytest.approx(5 * 3 / 4 * 4)
        assert found["2"].item() == pytest.approx(15)
        assert compute("lgxa", question)["0"].item() == pytest.approx(15)
        assert compute("lfa", question)["0"].item() == pytest.approx(15)
        assert compute("la", question)["0"].item() == 3
    assert all(weight.requires_grad for weight in model.parameters())


def test_gamma_by_hand():
    """a = (1, 2), w = (3, −1), b = 0: z = 1, with gamma 3.75 − 2 = 1.75 shared as 3.75 and −2."""
    model = nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 1)).eval()
    with torch.no_grad():
        for weight, value in zip(
            model.parameters(), ([[1.0], [2.0]], [0.0, 0.0], [[3.0, -1.0]], [0.0]), strict=True
        ):
            weight.copy_(torch.tensor(value))

    def relevance(rule):
        with frozen(model):
            question = Question(
                LayerOutputs(model),
                torch.ones(1, 1),
                torch.tensor([0]),
                torch.tensor([0]),
                torch.zeros(1, 1),
                options=AttributionOptions(rule=rule),
            )
            return compute("lrp", question)["0"][0].tolist()

    assert relevance("gamma") == pytest.approx([3.75 / 1.75, -2 / 1.75])
    assert relevance("alpha2_beta1") == pytest.approx([2.0, -1.0])
    assert relevance("alpha3_beta2") == pytest.approx([3.0, -2.0])
    assert relevance("epsilon") == pytest.approx([3 / 1.01, -2 / 1.01])
    # Two linear operations: gamma below (it changes nothing above it), epsilon on top.
    assert relevance("composite") == pytest.approx([3 / 1.01, -2 / 1.01])


@pytest.mark.filterwarnings("ignore")
def test_gamma_is_that_of_captum_without_biases():
    """Captum raises weights alone; the rule counts a bias as a weight (Montavon et al. 2019)."""
    pytest.importorskip("captum")
    from captum.attr import LayerLRP
    from captum.attr._utils.lrp_rules import EpsilonRule, GammaRule

    model = build(Modules)
    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.zeros_(module.bias)
    question = ask(model, AttributionOptions(rule="gamma"))
    found = compute("lrp", question)
    plain = compute("lgxa", question)
    for layer in ("conv2", "fc1"):
        # Captum forgets the rules after every call.
        for name, module in model.named_modules():
            if name:
                linear = isinstance(module, (nn.Conv2d, nn.Linear))
                module.rule = GammaRule(gamma=0.25) if linear else EpsilonRule()
        wanted = LayerLRP(model, getattr(model, layer)).attribute(
            question.inputs.clone(), question.labels
        )
        close({layer: found[layer]}, {layer: wanted.detach()}, 1e-4)
        assert (found[layer] - plain[layer]).abs().max() > 0.01 * plain[layer].abs().max()


@pytest.mark.parametrize("rule", ["gamma", "alpha2_beta1", "alpha3_beta2"])
def test_relevance_is_conserved_without_biases(rule):
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 6, 3, bias=False),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 8, 3, bias=False),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(8, 4, bias=False),
    ).double()
    question = ask(model)
    inputs, zero = question.inputs.double(), question.baseline.double()
    for name in ("epsilon0", rule):
        asked = Question(
            question.outputs,
            inputs,
            question.labels,
            question.ids,
            zero,
            options=AttributionOptions(rule=name),
        )
        wanted = asked.explained(asked.seen.logits)
        for value in compute("lrp", asked).values():
            torch.testing.assert_close(value.flatten(1).sum(1), wanted, rtol=1e-6, atol=1e-8)


def test_identical_baselines_make_deep_lift_shap_deep_lift():
    question = ask(build(Modules))
    zeros = ask(build(Modules), pool=torch.zeros(3, 3, 8, 8))
    close(compute("ldls", question), compute("ldl", question), 1e-7)
    close(compute("ldls", zeros), compute("ldl", question), 1e-6)
    pool = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(5))
    other = compute("ldls", ask(build(Modules), pool=pool))
    assert (other["fc1"] - compute("ldl", question)["fc1"]).abs().max() > 1e-3


@pytest.mark.parametrize("name", ["lgs", "ldls", "lfa"])
def test_random_parts_depend_on_the_input_not_on_its_batch(name):
    pool = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(5))
    options = AttributionOptions(channels=2, rows=7)
    whole = ask(build(Modules), options, pool=pool)
    found = compute(name, whole)
    rows = torch.tensor([4, 1])
    part = Question(
        whole.outputs,
        whole.inputs[rows],
        whole.labels[rows],
        whole.ids[rows],
        whole.baseline,
        pool,
        options,
    )
    for layer, value in compute(name, part).items():
        torch.testing.assert_close(value, found[layer][rows], rtol=1e-4, atol=1e-6, equal_nan=True)


@pytest.mark.parametrize("pool", [None, 3])
def test_gradient_shap_tends_to_the_integral(pool):
    """For a linear network every point gives the same: w (x − x′), on average over the pool."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(192, 5), nn.Linear(5, 4)).eval()
    drawn = None if pool is None else torch.randn(pool, 3, 8, 8)
    question = ask(model, AttributionOptions(samples=400), pool=drawn)
    found = compute("lgs", question)["1"]
    centre = question.baseline if drawn is None else drawn.mean(0, keepdim=True)
    with torch.no_grad():
        hidden = model[1](question.inputs.flatten(1)) - model[1](centre.flatten(1))
    wanted = hidden * model[2].weight[question.labels]
    tolerance = 1e-5 if pool is None else 0.15
    assert (found - wanted).abs().max() < tolerance * wanted.abs().max()


def test_the_path_may_be_cut_anywhere():
    one = ask(build(Modules), AttributionOptions(steps=10, rows=1))
    other = ask(build(Modules), AttributionOptions(steps=10, rows=1000))
    for name in ("ii", "lc", "lig"):
        close(compute(name, one), compute(name, other), 1e-5)


def test_grad_cam_tells_channels_apart():
    question = ask(build(Modules))
    found = compute("lgc", question)
    assert found["conv1"].shape == (6, 4)
    slope, value = question.gradients["conv1"], question.seen.values["conv1"]
    wanted = slope.mean((2, 3)) * value.mean((2, 3))
    torch.testing.assert_close(found["conv1"], wanted.detach())


def test_ablation_against_one_channel_at_a_time():
    model = build(Modules)
    question = ask(model, AttributionOptions(rows=13))
    found = compute("lfa", question)
    for channel in range(5):

        def without(module, arguments, output, channel=channel):
            output = output.clone()
            output[:, channel] = 0
            return output

        handle = model.conv2.register_forward_hook(without)
        with torch.no_grad():
            left = question.explained(model(question.inputs))
        handle.remove()
        drop = question.explained(question.seen.logits) - left
        torch.testing.assert_close(found["conv2"][:, channel], drop.detach())
    sampled = compute("lfa", ask(build(Modules), AttributionOptions(channels=2)))
    assert sampled["conv2"].isnan().sum() == 6 * 3
    kept = ~sampled["conv2"].isnan()
    torch.testing.assert_close(sampled["conv2"][kept], found["conv2"][kept])


def test_targets():
    model = build(Modules)
    logits = model(ask(model).inputs)
    true, predicted, every = (
        ask(model, AttributionOptions(target=target)) for target in ("true", "predicted", "all")
    )
    assert torch.equal(true.explained(logits), logits.gather(1, true.labels[:, None])[:, 0])
    assert torch.equal(predicted.explained(logits), logits.amax(1))
    assert torch.equal(every.explained(logits), logits.sum(1))

    def of_class(label):
        labels = torch.full((6,), label)
        asked = Question(true.outputs, true.inputs, labels, true.ids, true.baseline)
        return compute("lgxa", asked)["conv1"]

    total = sum(of_class(label) for label in range(4))
    torch.testing.assert_close(compute("lgxa", every)["conv1"], total, rtol=1e-4, atol=1e-5)


def test_reductions_by_hand():
    values = {"conv1": torch.tensor([[[[1.0, -3.0]], [[2.0, 4.0]]]]), "fc1": torch.tensor([[-2.0]])}
    outputs = LayerOutputs(build(Modules))

    def reduced(**options):
        return neuron_values(outputs, values, AttributionOptions(**options))[0].tolist()

    assert reduced() == [-2.0, 6.0, -2.0]
    assert reduced(reduce="mean") == [-1.0, 3.0, -2.0]
    assert reduced(reduce="max_abs") == [3.0, 4.0, 2.0]
    assert reduced(sign="abs") == [4.0, 6.0, 2.0]
    assert reduced(sign="positive") == [1.0, 6.0, 0.0]


def test_options_are_checked():
    for wrong in ({"target": "best"}, {"steps": 0}, {"rule": "flat"}, {"channels": 0}):
        with pytest.raises(ImprintError, match=next(iter(wrong))):
            AttributionOptions(**wrong)
    with pytest.raises(ImprintError, match="no linear or convolutional"):
        LayerOutputs(nn.ReLU())


def test_shared_modules_are_layers_of_their_own():
    torch.manual_seed(0)
    layer = nn.Linear(3, 3)
    model = nn.Sequential(layer, nn.ReLU(), layer, nn.Linear(3, 2)).double()
    with frozen(model):
        question = Question(
            LayerOutputs(model),
            torch.randn(5, 3).double(),
            torch.zeros(5, dtype=torch.int64),
            torch.arange(5),
            torch.zeros(1, 3).double(),
        )
        found = compute("ldl", question)
        assert tuple(found) == ("0", "0#1", "3")
        gap = completeness_gap(question, found, cut_layers(question.outputs, question.inputs))
    assert gap < 1e-12
    assert np.isfinite(gap)
