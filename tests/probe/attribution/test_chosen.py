"""Importance by each input's own attribution, against one input at a time."""

import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.data.view import View
from imprint.probe.attribution.chosen import attribute_as_chosen, pooled_features
from imprint.probe.attribution.importance import attribute
from tests.probe.attribution.lenet_images import images, model

METHODS = ("la", "lrp")


@pytest.mark.parametrize("scopes", [("model",), ("conv1", "fc1")])
def test_scores_are_shares_of_each_input_by_its_attribution(scopes):
    module, view = model(), View(images(7), np.arange(7))
    chosen = np.random.default_rng(0).integers(0, 2, (7, len(scopes)))
    table = attribute_as_chosen(module, view, METHODS, scopes, chosen, batch_size=3)
    parts = [table.layers.slices[name] for name in scopes if name != "model"]
    parts = parts or [slice(0, table.layers.slices["fc3"].start)]
    scores = np.full((7, table.layers.neurons), np.nan)
    for row in range(7):
        for part, number in zip(parts, chosen[row], strict=True):
            own = attribute(module, View(view.images, np.array([row])), METHODS[number]).of()[part]
            scores[row, part] = own / np.abs(own).sum()
    np.testing.assert_allclose(table.of(), scores.mean(0), rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(table.of(1), scores[view.labels == 1].mean(0), rtol=1e-4, atol=1e-7)
    assert table.counts.tolist() == [3, 2, 2, 7]


def test_features_are_those_of_single_inputs_and_layers_must_exist():
    module, view = model(), View(images(5), np.arange(5))
    features = pooled_features(module, view, batch_size=2)
    alone = [pooled_features(module, View(view.images, np.array([row]))) for row in range(5)]
    np.testing.assert_allclose(features, np.concatenate(alone), rtol=1e-5, atol=1e-6)
    with pytest.raises(ImprintError, match="of a layer conv9, which the network has not"):
        attribute_as_chosen(module, view, METHODS, ("conv9",), np.zeros((5, 1), np.int64))
