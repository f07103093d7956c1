import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.nets.build import build_network
from imprint.nets.zoo.convnext import Block, ChannelNorm
from tests.nets.zoo.small_networks import on_meta

DEPTHS = (3, 3, 9, 3)


def parts(*names: str) -> set[str]:
    return {f"{name}.{kind}" for name in names for kind in ("weight", "bias")}


def test_convnext_tiny_has_the_names_of_torchvision() -> None:
    expected = parts("features.0.0", "features.0.1", "classifier.0", "classifier.2")
    for stage, depth in enumerate(DEPTHS):
        if stage:
            expected |= parts(f"features.{2 * stage}.0", f"features.{2 * stage}.1")
        for block in range(depth):
            at = f"features.{2 * stage + 1}.{block}"
            expected |= {f"{at}.layer_scale"} | parts(*(f"{at}.block.{n}" for n in (0, 2, 3, 5)))
    assert set(on_meta("convnext_tiny").state_dict()) == expected


def test_channels_of_each_place_are_normalised() -> None:
    grid = torch.tensor([[3.0, 0.0], [1.0, 4.0]])[None, :, None]
    normal = ChannelNorm(2)(grid)[0, :, 0]
    assert torch.allclose(normal, torch.tensor([[1.0, -1.0], [-1.0, 1.0]]), atol=1e-4)


def test_a_fresh_block_changes_almost_nothing() -> None:
    grid = torch.rand(1, 4, 5, 5)
    assert torch.allclose(Block(4)(grid), grid, atol=1e-4)


@pytest.mark.parametrize(
    ("size", "options", "message"),
    [
        (16, {}, "at least 32 pixels"),
        (32, {"depths": "3-0"}, "such as 3-3-9-3, got '3-0'"),
        (32, {"width": 0}, "must be at least 1, got 0 and 4"),
    ],
)
def test_impossible_options_are_refused(size, options, message) -> None:
    with pytest.raises(ImprintError, match=message):
        build_network("convnext_tiny", 3, 10, size, options)
