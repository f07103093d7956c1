from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from imprint.lenses.coverage.fuzzing.mutations.diffusion import (
    JUMPS,
    Denoiser,
    Diffusion,
    normal_noise,
    redrawn,
)

SIGNAL = torch.linspace(1, 0.05, 21)
NOTHING = torch.zeros(0, 1, 8, 8, dtype=torch.uint8)


def knowing(images: Tensor) -> Denoiser:
    """Return a model that knows its one image, and so what noise there is."""

    def noise(noisy: Tensor, steps: Tensor) -> Tensor:
        signal = SIGNAL[steps + 1][:, None, None, None]
        return (noisy - signal.sqrt() * images) / (1 - signal).sqrt()

    return Denoiser(noise, SIGNAL, 8)


@pytest.mark.parametrize("steps", [1, 2, JUMPS, 13, 20])
def test_a_model_that_knows_the_image_gives_it_back_from_any_step(steps: int) -> None:
    image = torch.linspace(-1, 1, 64).view(1, 1, 8, 8)
    noise = torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    whole = redrawn(knowing(image), image.expand(3, -1, -1, -1), noise, torch.full((3,), steps))
    torch.testing.assert_close(whole, image.expand(3, -1, -1, -1), atol=1e-4, rtol=0)


def test_a_model_that_sees_no_noise_leaves_what_was_added() -> None:
    denoiser = Denoiser(lambda noisy, steps: torch.zeros_like(noisy), SIGNAL, 8)
    image, noise = torch.full((1, 1, 8, 8), 0.1), torch.full((1, 1, 8, 8), 0.2)
    drawn = redrawn(denoiser, image, noise, torch.tensor([1]))
    signal = SIGNAL[1]
    # One step: (√ᾱ x + √(1 − ᾱ) ε) / √ᾱ.
    expected = image + ((1 - signal) / signal).sqrt() * noise
    torch.testing.assert_close(drawn, expected)


def test_amounts_below_a_step_change_nothing_and_rows_stand_for_themselves() -> None:
    blurring = torch.nn.AvgPool2d(3, 1, 1)
    mutation = Diffusion(Denoiser(lambda noisy, steps: noisy - blurring(noisy), SIGNAL, 8), 0.5)
    images = torch.arange(11 * 64).remainder(251).view(11, 1, 8, 8).float()
    amounts = np.stack([np.linspace(0, 0.5, 11), np.zeros(11)], 1)
    amounts[1] = 0.04
    keys = np.arange(11)
    together = mutation.change(images, amounts, keys, NOTHING)
    torch.testing.assert_close(together[:2], images[:2], rtol=0, atol=0)
    for row in range(2, 11):
        alone = mutation.change(
            images[row : row + 1], amounts[row : row + 1], keys[row : row + 1], NOTHING
        )
        torch.testing.assert_close(together[row : row + 1], alone, rtol=0, atol=0)
        assert (alone != images[row]).any()


def test_noise_is_normal_and_depends_on_the_key_alone() -> None:
    images = torch.zeros(40, 1, 16, 16)
    noise = normal_noise(np.arange(40), images)
    assert abs(float(noise.mean())) < 4 / np.sqrt(noise.numel())
    assert abs(float(noise.std()) - 1) < 4 / np.sqrt(2 * noise.numel())
    torch.testing.assert_close(normal_noise(np.array([7]), images[:1])[0], noise[7])


def test_the_amount_is_a_share_of_the_steps_up_to_the_strength() -> None:
    mutation = Diffusion(knowing(torch.zeros(1)), 0.3)
    amounts = mutation.amounts(np.array([[0.0, 0.9], [0.5, 0.9]]))
    assert amounts.tolist() == [[0.0, 0.0], [0.15, 0.0]]
