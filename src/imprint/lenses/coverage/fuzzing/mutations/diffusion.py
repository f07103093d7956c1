"""Diffusion: noise up to a step of a diffusion model, which then removes it in its own way.

SDEdit (Meng et al. 2022): what little noise covers, fine detail, is drawn anew as the model knows
images; the rest stays. The noise is removed by DDIM (Song et al. 2021, eq. 12, σ = 0), which draws
nothing more. The mutation needs a model, and so it is in no registry.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.seeds import derive, uniforms
from imprint.lenses.coverage.fuzzing.mutation import PixelMutation
from imprint.lenses.coverage.fuzzing.validity import FULL

DIFFUSION = "diffusion"
"""How tables call the mutation."""
JUMPS = 4
"""Passes in which the noise of an image is removed."""
AT_ONCE = 8
"""Images that the model sees, always: with fewer, sums in another order would change pixels."""
NOISE = derive(0, "fuzzing diffusion")


@dataclass(frozen=True, eq=False)
class Denoiser:
    """A diffusion model of images in [−1, 1].

    Attributes:
        noise: from images float32 ``[8, channels, side, side]`` and steps int64 ``[8]``, counted
            from 0, to the noise in them.
        signal: float32 ``[steps + 1]``, share of the variance that is no noise after each number of
            steps, ᾱ; 1 after none.
        side: of its images in pixels.
    """

    noise: Callable[[Tensor, Tensor], Tensor]
    signal: Tensor
    side: int


@dataclass(frozen=True, eq=False)
class Diffusion(PixelMutation):
    """The amount is the share of all steps to noise that is gone, and gone back.

    Attributes:
        denoiser: the model.
        strength: largest amount.
    """

    denoiser: Denoiser
    strength: float

    words = "noise, removed by a diffusion model"
    unit = " of the steps to noise"

    def amounts(self, uniform: FloatArray) -> FloatArray:
        """Return the share of the steps."""
        return np.stack([uniform[:, 0] * self.strength, np.zeros(len(uniform))], 1)

    def change(
        self, images: Tensor, amounts: FloatArray, keys: IntArray, sources: Tensor
    ) -> Tensor:
        """Return images as the model would draw them; unchanged for less than a step."""
        most = len(self.denoiser.signal) - 1
        steps = torch.from_numpy((np.minimum(amounts[:, 0], 1.0) * most).astype(np.int64))
        steps = steps.to(images.device)
        changed = images.clone()
        rows = steps.nonzero()[:, 0]
        for part in torch.split(rows, AT_ONCE):
            padded = part[torch.arange(AT_ONCE, device=part.device).clamp(max=len(part) - 1)]
            own = _resized(images[padded] * (2 / FULL) - 1, self.denoiser.side)
            noise = normal_noise(keys[padded.cpu().numpy()], own)
            drawn = _resized(redrawn(self.denoiser, own, noise, steps[padded]), images.shape[-1])
            changed[part] = (drawn[: len(part)] + 1) * (FULL / 2)
        return changed


def redrawn(denoiser: Denoiser, images: Tensor, noise: Tensor, steps: Tensor) -> Tensor:
    """Return images with noise added up to a step, and removed by the model.

    Args:
        denoiser: the model.
        images: float32 ``[n, channels, side, side]`` in [−1, 1].
        noise: like the images, normal.
        steps: int64 ``[n]``, from 1 to as many as there are.
    """

    def signal_after(number: Tensor) -> Tensor:
        return denoiser.signal.to(images)[number][:, None, None, None]

    signal = signal_after(steps)
    noisy = signal.sqrt() * images + (1 - signal).sqrt() * noise
    now = steps
    for jump in range(1, JUMPS + 1):
        then = steps * (JUMPS - jump) // JUMPS
        left = signal_after(then)
        found = denoiser.noise(noisy, (now - 1).clamp_min(0))
        clean = ((noisy - (1 - signal).sqrt() * found) / signal.sqrt()).clamp(-1, 1)
        # Fewer steps than jumps: some go nowhere.
        moved = left.sqrt() * clean + (1 - left).sqrt() * found
        noisy = torch.where((then == now)[:, None, None, None], noisy, moved)
        now, signal = then, left
    return noisy


def normal_noise(keys: IntArray, images: Tensor) -> Tensor:
    """Return normal numbers like images ``[n, …]``, those of an image by its key alone."""
    uniform = torch.from_numpy(uniforms(NOISE, keys, images[0].numel()))
    normal: Tensor = torch.special.ndtri(uniform.clamp_min(2.0**-53))
    return normal.to(images).view(images.shape)


def _resized(images: Tensor, side: int) -> Tensor:
    """Return square images of another side, bilinear with antialiasing."""
    if images.shape[-1] == side:
        return images
    return torch.nn.functional.interpolate(
        images, (side, side), mode="bilinear", align_corners=False, antialias=True
    )
