import numpy as np
import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.data.imageset import ArrayImages
from imprint.data.view import View
from imprint.nets.fill import initial_model
from imprint.nets.model_card import ModelCard
from imprint.probe.embeddings import embed

CARD = ModelCard("mlp", 1, 3, 4, (0.5,), (0.25,), {"widths": "5"}, "6-2")


def view(index=(3, 0, 2)) -> View:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 1, 4, 4), dtype=np.uint8)
    images = ArrayImages(pixels, np.zeros(4, dtype=np.int64), ("a", "b", "c"))
    return View(images, np.array(index, dtype=np.int64))


@pytest.mark.parametrize("batch_size", [1, 2, 8])
def test_each_model_gives_its_own_layers_in_the_order_of_the_view(batch_size) -> None:
    models = {"a": initial_model(CARD, 0), "b": initial_model(CARD, 1)}
    layers = {"a": ("backbone", "projector"), "b": ("logits",)}
    embeddings = embed(models, view(), layers, "test", batch_size)
    assert {name: list(kept) for name, kept in embeddings.items()} == {
        "a": ["backbone", "projector"],
        "b": ["logits"],
    }
    with torch.no_grad():
        inputs = models["a"].to_inputs(view().read(4).pixels)
        expected = models["a"].embed(inputs, "projector")
    np.testing.assert_allclose(embeddings["a"]["projector"], expected, rtol=1e-5, atol=1e-6)


def test_an_embedding_that_is_not_finite_names_image_and_network() -> None:
    model = initial_model(CARD, 0)
    with torch.no_grad():
        next(model.network.parameters())[0] = torch.inf
    message = r"the backbone embedding of arrays\[3\] under network a is not finite"
    with pytest.raises(ImprintError, match=message):
        embed({"a": model}, view(), ("backbone",), "test")
