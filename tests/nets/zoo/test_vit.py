import pytest
import torch
from torch.nn import functional

from imprint.nets.build import build_network
from imprint.nets.load import read_card
from tests.nets.published_files import (
    IMAGES,
    close,
    embed,
    saved,
)
from tests.nets.published_helpers import ViT, vit_weights


def test_a_vision_transformer_of_dino_on_its_own_grid_and_on_another(tmp_path) -> None:
    weights = vit_weights()
    model = saved(tmp_path / "dino_vit.pth", weights)
    card = read_card(tmp_path / "dino_vit.pth")
    assert (card.architecture, card.input_size) == ("vit", 32)
    assert card.options == {"patch": 8, "width": 128, "depth": 2}
    oracle = ViT(weights, depth=2, width=128, heads=2)
    small = IMAGES[:, :, :32, :32]
    with torch.no_grad():
        assert close(model.embed(small, "backbone"), oracle(small, weights["pos_embed"]))
        learnt = weights["pos_embed"][:, 1:].reshape(1, 4, 4, 128).permute(0, 3, 1, 2)
        moved = functional.interpolate(learnt, (8, 8), mode="bicubic")
        places = torch.cat(
            [weights["pos_embed"][:, :1], moved.permute(0, 2, 3, 1).reshape(1, 64, 128)], dim=1
        )
        assert close(embed(model), oracle(IMAGES, places))


@pytest.mark.parametrize(
    ("name", "millions"), [("vit_tiny", 5.5), ("vit_small", 21.7), ("vit_base", 85.8)]
)
def test_vision_transformers_have_the_sizes_of_dino(name, millions) -> None:
    with torch.device("meta"):
        network = build_network(name, 3, None, 224)
    count = sum(parameter.numel() for parameter in network.parameters()) / 1e6
    assert count == pytest.approx(millions, abs=0.05)
