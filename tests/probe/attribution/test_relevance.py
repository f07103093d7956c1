import pytest
import torch
from torch import nn

from imprint.probe.attribution.attribution_options import AttributionOptions
from imprint.probe.attribution.layer_attribution import Question
from imprint.probe.neurons.layer_outputs import LayerOutputs, frozen
from tests.probe.attribution.networks import (
    Modules,
    ask,
    build,
    close,
    compute,
)


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
        nn.ConvTranspose2d(8, 4, 2, bias=False),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(16, 4, bias=False),
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
            # The stabiliser of 1e-9 in each quotient shows where denominators are small.
            torch.testing.assert_close(value.flatten(1).sum(1), wanted, rtol=1e-5, atol=1e-8)
