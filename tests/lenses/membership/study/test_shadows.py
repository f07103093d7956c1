import numpy as np
import pytest

from imprint.lenses.membership.study.audited import open_audit
from imprint.lenses.membership.study.options import MembershipOptions
from imprint.lenses.membership.study.shadows import train_shadows
from imprint.nets.fill import initial_model
from imprint.nets.load import read_card
from imprint.nets.model_card import ModelCard
from imprint.nets.save import save_model
from imprint.study.store import Study
from imprint.train.cohort.options import CohortOptions

CARD = ModelCard("mlp", 3, 2, 4, (0.5,), (0.25,), {"widths": "4"})


@pytest.fixture
def audited(tmp_path):
    random = np.random.default_rng(0)
    for name in ("seen", "unseen"):
        pixels = random.integers(0, 256, (24, 4, 4, 3), dtype=np.uint8)
        np.savez(tmp_path / f"{name}.npz", images=pixels, labels=np.arange(24) % 2)

    def make(card=CARD, shadows=4):
        save_model(tmp_path / "net.safetensors", initial_model(card, 0), card)
        options = MembershipOptions(
            out=tmp_path / "out",
            model=tmp_path / "net.safetensors",
            members=tmp_path / "seen.npz",
            non_members=tmp_path / "unseen.npz",
            records=0,
            shadows=shadows,
            train=CohortOptions(epochs=1, batch_size=16, engine="sequential"),
        )
        return open_audit(Study(tmp_path / "out"), options)

    return make


def test_each_is_trained_on_half_of_the_attacked_records(audited):
    masks, models = train_shadows(audited())
    assert masks.shape == (4, 36)
    assert (masks.sum(axis=0) == 2).all()
    assert [model.name for model in models] == ["0000", "0001", "0002", "0003"]


def test_without_shadows_there_are_none(audited):
    assert train_shadows(audited(shadows=0)) == (None, [])


def test_options_of_the_network_that_are_no_text_are_kept(audited, tmp_path):
    card = ModelCard("resnet18", 3, 2, 4, (0.5,), (0.25,), {"small_input": True})
    train_shadows(audited(card, shadows=2))
    trained = read_card(tmp_path / "out" / "models" / "0000" / "final.safetensors")
    assert (trained.architecture, trained.options) == ("resnet18", {"small_input": "true"})
