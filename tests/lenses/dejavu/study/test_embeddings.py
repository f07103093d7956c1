import numpy as np

from imprint.data.sources.composite import composite
from imprint.data.view import View
from imprint.lenses.dejavu.study.embeddings import EmbedViews, Untrained
from imprint.nets.fill import initial_model
from imprint.nets.load import NetworkFile
from imprint.nets.model_card import ModelCard
from imprint.nets.save import save_model
from imprint.study.step import card_of
from imprint.study.store import Study
from imprint.study.tables import read_table

CARD = ModelCard("mlp", 3, 10, 8, (0.5,), (0.25,), {"widths": "16"})


def step(root, **changes):
    images = composite(30)
    values = {
        "views": {"crops": View(images, np.arange(5)), "public": View(images, np.arange(5, 9))},
        "models": {"A": NetworkFile(root / "a.safetensors")},
        "layers": {"A": ("backbone",)},
        "untrained": {"A@untrained": Untrained("A", 3)},
        "device": "cpu",
    }
    return EmbedViews(**{**values, **changes})


def test_every_view_is_embedded_under_every_network(tmp_path):
    save_model(tmp_path / "a.safetensors", initial_model(CARD, 3), CARD)
    folder = Study(tmp_path / "study").run(step(tmp_path))
    assert folder.name == "embeddings"
    for view, index in (("crops", range(5)), ("public", range(5, 9))):
        model, untrained = (
            read_table(folder / f"{name}.{view}.parquet") for name in ("A", "A@untrained")
        )
        assert model["index"].tolist() == list(index)
        # The weights of A are those of its untrained copy: both start from seed 3.
        np.testing.assert_array_equal(model["backbone"], untrained["backbone"])


def test_the_card_holds_views_and_weights_and_not_the_device(tmp_path):
    save_model(tmp_path / "a.safetensors", initial_model(CARD, 3), CARD)
    card = card_of(step(tmp_path))
    assert set(card) == {"views", "models", "layers", "untrained"}
    assert card == card_of(step(tmp_path, device="auto"))
    assert card != card_of(step(tmp_path, untrained={}))
