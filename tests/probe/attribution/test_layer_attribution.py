from dataclasses import replace

import pytest
import torch

from imprint.probe.attribution.attribution_options import AttributionOptions
from imprint.probe.attribution.importance import completeness_gap
from imprint.probe.attribution.layer_attribution import ATTRIBUTORS
from imprint.probe.neurons.layer_outputs import cut_layers
from tests.probe.attribution.networks import (
    Functions,
    Modules,
    Residual,
    ask,
    build,
    close,
    compute,
)


def test_all_eleven_and_the_control_are_there():
    assert ATTRIBUTORS.names() == sorted(
        ["la", "lgxa", "lrp", "ldl", "ldls", "lgs", "lig", "ii", "lc", "lgc", "lfa", "random"]
    )


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


def test_gradient_methods_notice_when_they_are_not_complete():
    question = ask(build(Modules))
    cuts = cut_layers(question.outputs, question.inputs)
    assert completeness_gap(question, compute("lgxa", question), cuts) > 0.01
