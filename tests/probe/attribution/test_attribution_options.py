import pytest
import torch
from torch import nn

from imprint.core.errors import ImprintError
from imprint.probe.attribution.attribution_options import AttributionOptions
from imprint.probe.attribution.layer_attribution import Question
from imprint.probe.neurons.layer_outputs import LayerOutputs
from tests.probe.attribution.networks import Modules, ask, build, compute


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


def test_options_are_checked():
    for wrong in ({"target": "best"}, {"steps": 0}, {"rule": "flat"}, {"channels": 0}):
        with pytest.raises(ImprintError, match=next(iter(wrong))):
            AttributionOptions(**wrong)
    with pytest.raises(ImprintError, match="no linear or convolutional"):
        LayerOutputs(nn.ReLU())
