import pytest
import torch

from imprint.nets.build import build_network
from tests.nets.zoo.small_networks import count, on_meta


@pytest.mark.parametrize(
    ("name", "millions"),
    [
        ("cifar_resnet20", 0.27),
        ("cifar_resnet32", 0.46),
        ("cifar_resnet44", 0.66),
        ("cifar_resnet56", 0.85),
        ("cifar_resnet110", 1.73),
    ],
)
def test_cifar_resnets_have_the_sizes_of_the_paper(name: str, millions: float) -> None:
    assert count(on_meta(name, outputs=10, size=32)) / 1e6 == pytest.approx(millions, abs=0.006)


def test_the_halving_shortcut_takes_every_second_pixel_and_pads_both_sides() -> None:
    shortcut = build_network("cifar_resnet20", 3, 10, 32).get_submodule("layer2.0.shortcut")
    maps = torch.arange(16 * 16.0).reshape(1, 16, 4, 4)
    result = shortcut(maps)
    assert result.shape == (1, 32, 2, 2)
    assert torch.equal(result[0, 8], torch.tensor([[0.0, 2.0], [8.0, 10.0]]))
    assert torch.equal(result[:, 8:24], maps[:, :, [[0], [2]], [0, 2]])
    assert result[:, :8].eq(0).all()
    assert result[:, 24:].eq(0).all()
