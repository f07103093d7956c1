import numpy as np
import pytest
import torch
from torch.nn import functional as F

from imprint.core.errors import ImprintError
from imprint.data.augmentation import UNCHANGED
from imprint.data.sources.composite import composite
from imprint.nets.fill import initial_model
from imprint.nets.model_card import ModelCard
from imprint.train.linear_layers import augmented_features, fit_layers, stored_features
from imprint.train.probe_options import ProbeOptions

CARD = ModelCard("mlp", 3, 10, 8, (0.5,), (0.25,), {"widths": "16"}, projector="12-9")
CPU = torch.device("cpu")


def options(**changes):
    settings = {"epochs": 2, "batch_size": 10, "start_learning_rate": 0.5, **changes}
    return ProbeOptions(end_learning_rate=0.1, **settings)


def batches(layer):
    model = initial_model(CARD, 0).eval()
    images = composite(60)
    return augmented_features(model, images, np.arange(40), 10, UNCHANGED, 0, CPU, layer)


def test_each_depth_gets_the_classifier_it_would_get_alone():
    together = fit_layers(batches(None), 10, options(), 0, "m")
    assert list(together) == ["backbone", "projector_1", "projector_2"]
    for depth, layer in (("backbone", "backbone"), ("projector_2", "projector")):
        (alone,) = fit_layers(batches(layer), 10, options(), 0, "m").values()
        assert torch.equal(alone.weight, together[depth].weight)
        assert torch.equal(alone.bias, together[depth].bias)


def test_one_step_is_sgd_on_the_cross_entropy_by_hand():
    rows = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    labels = np.array([0, 1, 1, 2])
    features = stored_features({"x": rows}, labels, 4, seed=0)
    start = fit_layers(features, 3, options(start_learning_rate=0, epochs=1), 7, "m")["x"]
    layer = fit_layers(features, 3, options(epochs=1), 7, "m")["x"]
    logits = torch.from_numpy(rows) @ start.weight.detach().T + start.bias.detach()
    error = logits.softmax(dim=1) - F.one_hot(torch.from_numpy(labels), 3)
    expected = start.weight.detach() - 0.5 * error.T @ torch.from_numpy(rows) / 4
    assert torch.allclose(layer.weight, expected, atol=1e-6)


def test_figures_of_an_epoch_are_over_all_its_examples():
    rows, labels = np.eye(2, dtype=np.float32)[[0, 1, 0, 1]], np.array([0, 1, 0, 1])
    seen = []

    def keep(epoch, layers, figures):
        seen.append((epoch, figures.top1["x"], figures.loss["x"]))

    # Without learning every epoch sees the same classifier.
    steady = ProbeOptions(epochs=2, batch_size=2, start_learning_rate=0, end_learning_rate=0)
    layers = fit_layers(stored_features({"x": rows}, labels, 2, 0), 2, steady, 0, "m", keep)
    logits = layers["x"](torch.from_numpy(rows)).detach()
    loss = float(F.cross_entropy(logits, torch.from_numpy(labels)))
    top1 = float((logits.argmax(dim=1).numpy() == labels).mean())
    assert seen == [
        (0, pytest.approx(top1), pytest.approx(loss)),
        (1, pytest.approx(top1), pytest.approx(loss)),
    ]


def test_features_without_end_are_refused_with_a_remedy():
    rows = np.array([[np.inf], [1.0]], dtype=np.float32)
    features = stored_features({"x": rows}, np.array([0, 1]), 2, 0)
    with pytest.raises(ImprintError, match="probe of m at x is nan in epoch 1: lower --probe"):
        fit_layers(features, 2, options(), 0, "m")
