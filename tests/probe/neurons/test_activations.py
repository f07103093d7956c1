"""One pass over images: values, order, storage, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.data.geometry import whole_rectangles
from imprint.data.imageset import ArrayImages
from imprint.data.view import View
from imprint.nets.fill import build_model
from imprint.nets.image_model import ImageModel
from imprint.nets.model_card import ModelCard
from imprint.probe.neurons.activations import (
    Storage,
    only_correct,
    read_activations,
    watch,
    write_activations,
)
from imprint.probe.neurons.neurons import Taps
from imprint.probe.neurons.tap_options import TapOptions

CPU = torch.device("cpu")
COUNT, SIDE = 11, 16


@pytest.fixture(scope="module")
def view() -> View:
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (COUNT, 3, SIDE, SIDE), dtype=np.uint8)
    images = ArrayImages(pixels, np.arange(COUNT) % 4, ("a", "b", "c", "d"))
    indices = np.array([10, 0, 3, 4, 7, 1, 2], dtype=np.int64)
    return View(images, indices, rectangles=whole_rectangles(images.sizes()[indices]))


def network(outputs: int | None = 4) -> ImageModel:
    torch.manual_seed(0)
    return build_model(ModelCard("lenet", 3, outputs, SIDE, (0.5,), (0.25,))).eval()


def test_a_table_holds_what_the_network_says_of_each_image_in_order(
    view: View, tmp_path: Path
) -> None:
    model = network()
    write_activations(tmp_path / "t", model, view, TapOptions(), "look", batch_size=3)
    table = read_activations(tmp_path / "t")
    pixels = view.read(SIDE).pixels
    with Taps(model) as taps, torch.no_grad():
        logits = model(torch.from_numpy(pixels).float() / 255)
        whole = taps.take()
    assert table.layers == whole.layers
    np.testing.assert_allclose(table.values, whole.values, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(table.index, view.index)
    np.testing.assert_array_equal(table.labels, view.images.labels[view.index])
    np.testing.assert_array_equal(table.predictions, logits.argmax(1))
    right = only_correct(table)
    chosen = table.labels == table.predictions
    np.testing.assert_array_equal(right.values, table.values[chosen])
    np.testing.assert_array_equal(right.index, view.index[chosen])


def test_float16_is_the_rounded_float32_and_refuses_what_it_cannot_hold(
    view: View, tmp_path: Path
) -> None:
    model = network()
    storages: tuple[Storage, ...] = ("float32", "float16")
    for storage in storages:
        folder = tmp_path / storage
        write_activations(folder, model, view, TapOptions(), "look", storage)
    full, half = (read_activations(tmp_path / name) for name in ("float32", "float16"))
    np.testing.assert_array_equal(half.values, full.values.astype(np.float16))
    with torch.no_grad():
        model.get_parameter("network.fc1.bias").fill_(70000)
    with pytest.raises(ImprintError, match="fc1 is beyond 65504"):
        write_activations(tmp_path / "x", model, view, TapOptions(), "look", "float16")


def test_a_network_without_logits_predicts_nothing(view: View, tmp_path: Path) -> None:
    write_activations(tmp_path / "t", network(None), view, TapOptions(), "look")
    table = read_activations(tmp_path / "t")
    assert table.predictions is None
    with pytest.raises(ImprintError, match="correct-only"):
        only_correct(table)


def test_an_activation_that_is_not_finite_names_layer_and_image(view: View) -> None:
    model = network()
    with torch.no_grad():
        model.get_parameter("network.conv2.bias")[3] = float("nan")
    with pytest.raises(ImprintError, match=r"conv2 is not finite for .*10"):
        list(watch(model, view, TapOptions(), "look"))
