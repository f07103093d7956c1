import numpy as np
import pytest
import torch
from torch import Tensor, nn

from imprint.core.errors import ImprintError
from imprint.nets.fill import build_model
from imprint.nets.image_model import ImageModel
from imprint.nets.model_card import ModelCard
from imprint.probe.signals.curvature import resolution, second_difference, zeroth_order_curvature
from imprint.probe.signals.rademacher import rademacher

SIDE = 3
PIXELS = 2 * SIDE * SIDE


def quadratic(hessian: Tensor):
    """A model whose loss on label 0 is ½ xᵀ H x, to first order in nothing at all."""

    def forward(images: Tensor) -> Tensor:
        x = images.flatten(1)
        loss = 3 + 0.5 * ((x @ hessian) * x).sum(1)
        log_p = -loss
        return torch.stack([log_p, torch.log(-torch.expm1(log_p))], dim=1)

    return forward


def symmetric() -> Tensor:
    values = torch.randn(PIXELS, PIXELS, generator=torch.Generator().manual_seed(0)).double()
    return (values + values.T) / 50


def grid(signs: Tensor) -> Tensor:
    """Flat pixels of sign rows: channels run fastest in the signs, slowest in the images."""
    return signs.view(-1, SIDE, SIDE, 2).permute(0, 3, 1, 2).flatten(1).double()


@pytest.mark.parametrize("step", [0.25, 1e-3])
def test_a_quadratic_gives_the_bilinear_form_itself(step: float) -> None:
    hessian = symmetric()
    images = torch.rand(5, 2, SIDE, SIDE, dtype=torch.float64)
    labels = torch.zeros(5, dtype=torch.int64)
    probes = [rademacher(0, "t", "identity", n, np.arange(5), 2 * PIXELS) for n in range(3)]
    found = zeroth_order_curvature(quadratic(hessian), images, labels, probes, step)
    forms = [((grid(p[:, :PIXELS]) @ hessian) * grid(p[:, PIXELS:])).sum(1).abs() for p in probes]
    expected = step * torch.stack(forms).mean(0)
    torch.testing.assert_close(found, expected, rtol=1e-14 / step**2, atol=0)


def test_scale_is_the_unit_of_steps_a_channel() -> None:
    hessian = symmetric()
    images = torch.rand(4, 2, SIDE, SIDE, dtype=torch.float64)
    labels = torch.zeros(4, dtype=torch.int64)
    probes = [rademacher(0, "t", "identity", 0, np.arange(4), 2 * PIXELS)]
    scale = torch.tensor([0.5, 2.0], dtype=torch.float64)[:, None, None]
    spread = scale.expand(2, SIDE, SIDE).flatten()
    scaled = zeroth_order_curvature(quadratic(hessian), images, labels, probes, 0.1, scale)
    expected = zeroth_order_curvature(
        quadratic(spread[:, None] * hessian * spread), images / scale, labels, probes, 0.1
    )
    torch.testing.assert_close(scaled, expected, rtol=1e-10, atol=0)


def test_two_classes_of_a_linear_model_by_hand() -> None:
    def forward(images: Tensor) -> Tensor:
        x = images.flatten(1)[:, :1]
        return torch.cat([x, torch.zeros_like(x)], dim=1)

    signs = torch.ones(1, 2 * PIXELS, dtype=torch.int8)
    images = torch.zeros(1, 2, SIDE, SIDE, dtype=torch.float64)
    found = zeroth_order_curvature(forward, images, torch.zeros(1, dtype=torch.int64), [signs], 0.5)
    expected = (np.log1p(np.exp(1)) + np.log1p(np.exp(-1)) - 2 * np.log(2)) / 2
    assert found.item() == pytest.approx(expected, abs=1e-15)


@pytest.fixture(scope="module")
def network() -> ImageModel:
    card = ModelCard("cifar_resnet20", 3, 10, 16, (0.5,), (0.25,))
    torch.manual_seed(0)
    return build_model(card).eval()


def test_neither_batches_nor_micro_batches_nor_company_change_a_score(network: ImageModel) -> None:
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(11, 3, 16, 16, generator=generator)
    labels = torch.arange(11) % 10
    indices = np.array([5, 0, 9, 4, 100, 7, 3, 12, 60, 2, 1])

    def score(rows: list[int], micro: int) -> Tensor:
        probes = (
            rademacher(0, "t", "identity", n, indices[rows], 2 * 3 * 16 * 16) for n in range(2)
        )
        return zeroth_order_curvature(
            network, images[rows], labels[rows], probes, 1e-2, network.std, micro
        )

    everything = list(range(11))
    whole = score(everything, 32)
    parts = torch.cat(
        [score(everything[:4], 32), score(everything[4:5], 32), score(everything[5:], 32)]
    )
    torch.testing.assert_close(parts, whole, rtol=0.02, atol=1e-7)
    torch.testing.assert_close(score(everything, 4), whole, rtol=0.02, atol=1e-7)
    torch.testing.assert_close(score(everything[::-1], 8).flip(0), whole, rtol=0.02, atol=1e-7)


def test_confident_records_do_not_fall_to_zero() -> None:
    """At φ ≈ 25 a float32 cross-entropy is 0 in all four corners; the margin is not."""
    weight = torch.randn(PIXELS, generator=torch.Generator().manual_seed(2))

    def forward(images: Tensor) -> Tensor:
        x = images.flatten(1) @ weight
        return torch.stack([25 + x, torch.zeros_like(x)], dim=1)

    images = torch.zeros(8, 2, SIDE, SIDE)
    labels = torch.zeros(8, dtype=torch.int64)
    probes = [rademacher(0, "t", "identity", 0, np.arange(8), 2 * PIXELS)]
    corner = forward(images + 0.02)
    assert (nn.functional.cross_entropy(corner, labels) == 0).all()
    u, v = grid(probes[0][:, :PIXELS]), grid(probes[0][:, PIXELS:])
    expected = 0.01 * np.exp(-25) * ((u @ weight.double()) * (v @ weight.double())).abs()
    found = zeroth_order_curvature(forward, images, labels, probes, 0.01)
    torch.testing.assert_close(found, expected, rtol=0.05, atol=1e-14)


def test_second_difference_of_known_losses() -> None:
    p = torch.tensor([0.5, 0.25, 0.125, 0.5], dtype=torch.float64)
    logits = torch.stack([p.log(), (1 - p).log()], dim=1)[:, None]
    found = second_difference(logits, torch.tensor([0]))
    assert found.item() == pytest.approx((1 + 2 - 3 - 1) * np.log(2), abs=1e-15)


def test_resolution_is_half_a_unit_of_the_largest_logit() -> None:
    logits = torch.tensor([[8.0, 8.0], [8.0, -200.0]])
    found = resolution(logits, torch.tensor([0, 0]), 1e-3)
    assert found[0].item() == pytest.approx(0.5 * 2**-24 * 8 / 4e-3, rel=1e-12)
    assert found[1].item() == torch.finfo(torch.float32).tiny


def test_impossible_requests_are_refused() -> None:
    images, labels = torch.zeros(1, 2, SIDE, SIDE), torch.zeros(1, dtype=torch.int64)
    with pytest.raises(ImprintError, match="at least one probe"):
        zeroth_order_curvature(quadratic(symmetric()), images, labels, [])
    with pytest.raises(ImprintError, match="step of curvature must be positive, got 0"):
        zeroth_order_curvature(quadratic(symmetric()), images, labels, [], step=0)
