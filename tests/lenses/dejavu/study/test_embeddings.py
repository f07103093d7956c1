import numpy as np
import pytest

from imprint.data.sources.composite import composite
from imprint.data.view import View
from imprint.launch.launcher import using
from imprint.launch.local import LocalLauncher
from imprint.launch.shards import cut_into
from imprint.lenses.dejavu.study.embeddings import EmbedViews, Untrained
from imprint.nets.fill import initial_model
from imprint.nets.load import NetworkFile
from imprint.nets.model_card import ModelCard
from imprint.nets.save import save_model
from imprint.study.step import card_of
from imprint.study.store import Study
from imprint.study.tables import read_table
from tests.launch.inline import InlineLauncher, Killed

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


def files_of(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*")}


def step_of_many(root):
    images = composite(700)
    views = {"crops": View(images, np.arange(30)), "public": View(images, np.arange(700)[::-1])}
    return step(root, views=views)


@pytest.mark.parametrize("launcher", [InlineLauncher(), LocalLauncher()], ids=["inline", "local"])
def test_shards_of_a_view_give_the_bytes_of_one_pass(tmp_path, launcher):
    save_model(tmp_path / "a.safetensors", initial_model(CARD, 3), CARD)
    whole = Study(tmp_path / "whole").run(step_of_many(tmp_path))
    with using(launcher), cut_into(3):
        parts = Study(tmp_path / "parts").run(step_of_many(tmp_path))
    assert files_of(parts) == files_of(whole)
    assert len(files_of(whole)) == 4
    assert {path.name for path in (tmp_path / "parts/tables").iterdir()} == {
        "embeddings",
        "embeddings.card.json",
    }


def test_a_killed_pass_goes_on_with_what_is_missing(tmp_path):
    save_model(tmp_path / "a.safetensors", initial_model(CARD, 3), CARD)
    whole = Study(tmp_path / "whole").run(step_of_many(tmp_path))
    killed, again = InlineLauncher(survives=1), InlineLauncher()
    study = Study(tmp_path / "parts")
    with using(killed), cut_into(3), pytest.raises(Killed):
        study.run(step_of_many(tmp_path))
    with using(again), cut_into(3):
        assert files_of(study.run(step_of_many(tmp_path))) == files_of(whole)
    shards = [f"tables/embeddings/public/{rows}" for rows in ("0-256", "256-512", "512-700")]
    assert [killed.keys, again.keys] == [shards[:1], shards[1:]]
