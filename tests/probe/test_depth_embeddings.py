import numpy as np
import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.data.sources.composite import composite
from imprint.data.view import View
from imprint.nets.fill import initial_model
from imprint.nets.model_card import ModelCard
from imprint.probe import depth_embeddings
from imprint.probe.depth_embeddings import embed_depths
from imprint.probe.embeddings import embed

CARD = ModelCard("mlp", 3, 10, 8, (0.5,), (0.25,), {"widths": "16"}, projector="12-9")


def test_rows_of_every_depth_are_those_of_single_passes_and_stay_on_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(depth_embeddings, "BATCH", 7)
    model, view = initial_model(CARD, 0), View(composite(20), np.arange(3, 20))
    depths = embed_depths(model, view, tmp_path, "embed")
    assert {name: rows.shape for name, rows in depths.items()} == {
        "backbone": (17, 16),
        "projector_1": (17, 12),
        "projector_2": (17, 9),
    }
    assert all(isinstance(rows, np.memmap) for rows in depths.values())
    single = embed({"m": model}, view, ("backbone", "projector"), "embed")["m"]
    np.testing.assert_allclose(depths["backbone"], single["backbone"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(depths["projector_2"], single["projector"], rtol=1e-5, atol=1e-6)


def test_weights_that_give_no_numbers_are_named_with_the_depth(tmp_path):
    model = initial_model(CARD, 0)
    with torch.no_grad():
        next(iter(model.projector.parameters())).fill_(torch.nan)
    with pytest.raises(ImprintError, match="at projector_1 is not finite: check the weights"):
        embed_depths(model, View(composite(10), np.arange(4)), tmp_path, "embed")
