from dataclasses import replace

import numpy as np
import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.data.view import View
from imprint.probe.attribution.attribution_options import AttributionOptions
from imprint.probe.attribution.importance import (
    attribute,
    attribute_by,
    neuron_values,
)
from imprint.probe.neurons.layer_outputs import LayerOutputs
from tests.probe.attribution.lenet_images import CARD, images, model, tensor_of
from tests.probe.attribution.networks import Modules, build


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
    with pytest.raises(ImprintError, match="has 2 classes"):
        attribute(few, View(images(), np.arange(20)), "la")
    with pytest.raises(ImprintError, match="no classifier"):
        attribute(model(replace(CARD, outputs=None)), View(images(), np.arange(20)), "la")
    with pytest.raises(ImprintError, match="no inputs"):
        attribute(model(), View(images(), np.arange(0)), "la")
    with pytest.raises(ImprintError, match="unknown layer attribution"):
        attribute(model(), View(images(), np.arange(20)), "best")


def test_a_gap_is_logged(capsys):
    attribute(model(), View(images(), np.arange(20)), "lc", AttributionOptions(steps=1))
    assert "lc: what it gives adds up" in capsys.readouterr().err
