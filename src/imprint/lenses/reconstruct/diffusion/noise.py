"""The noise schedule: noisy images, what the network is to predict, and its loss.

Ho, Jain, Abbeel 2020 (eq. 4, 7, 14); cosine schedule and learned variance of Nichol and Dhariwal
2021 (eq. 15, 17); velocity of Salimans and Ho 2022 (app. D). The schedules are those of diffusers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from imprint.core.extras import import_diffusers
from imprint.lenses.reconstruct.options import DiffusionOptions

PUBLISHED_STEPS = 1000
"""Steps that the linear variances 1e-4 to 2e-2 were published for."""
VARIANCE_WEIGHT = 1e-3
"""Of the variational bound in units of bits, as published (T · bound / 1000)."""


@dataclass(frozen=True)
class Posterior:
    """A Gaussian of less noisy images.

    Attributes:
        mean: ``[b, C, S, S]``.
        least, most: logarithms of the posterior's variance and of the forward step's, between
            which a learned variance lies, ``[b, 1, 1, 1]``.
    """

    mean: Tensor
    least: Tensor
    most: Tensor

    def learned(self, share: Tensor) -> Tensor:
        """Return the log variance at a predicted share, −1 for the least and 1 for the most."""
        weight = (share + 1) / 2
        return weight * self.most + (1 - weight) * self.least


@dataclass(frozen=True)
class Noise:
    """The noise of every step.

    Attributes:
        options: the schedule and what is predicted.
        signal: ᾱ of each step, float64 ``[T]``, the share of the variance that is image.
    """

    options: DiffusionOptions
    signal: Tensor

    @classmethod
    def of(cls, options: DiffusionOptions, device: torch.device) -> Noise:
        """Return the noise of a schedule, on a device.

        Raises:
            ImprintError: diffusers is missing.
        """
        return cls(options, _signal(options).to(device))

    def add(self, images: Tensor, steps: Tensor, noise: Tensor) -> Tensor:
        """Return noisy images √ᾱ x + √(1 − ᾱ) ε, float32 like the images."""
        image, noisy = self._scales(steps)
        return image * images + noisy * noise

    def target(self, images: Tensor, steps: Tensor, noise: Tensor) -> Tensor:
        """Return what the network is to predict: ε, or v = √ᾱ ε − √(1 − ᾱ) x."""
        if self.options.prediction == "epsilon":
            return noise
        image, noisy = self._scales(steps)
        return image * noise - noisy * images

    def image(self, noisy_images: Tensor, steps: Tensor, predicted: Tensor) -> Tensor:
        """Return the image that a prediction stands for."""
        image, noisy = self._scales(steps)
        if self.options.prediction == "epsilon":
            return (noisy_images - noisy * predicted) / image
        return image * noisy_images - noisy * predicted

    def towards(self, image: Tensor, noisy: Tensor, steps: Tensor, before: Tensor) -> Tensor:
        """Return the noisy images of earlier steps with the same noise (DDIM, η = 0)."""
        scale, spread = self._scales(steps)
        noise = (noisy - scale * image) / spread
        return self.add(image, before, noise)

    def loss(self, predicted: Tensor, images: Tensor, steps: Tensor, noise: Tensor) -> Tensor:
        """Return the loss of each image, ``[b]``.

        Args:
            predicted: of the noisy images, ``[b, C, S, S]``, or ``[b, 2C, S, S]`` where the
                variance is learned.
            images: in [−1, 1], ``[b, C, S, S]``.
            steps: int64 ``[b]``.
            noise: that was added, ``[b, C, S, S]``.
        """
        target = self.target(images, steps, noise)
        if not self.options.learned_variance:
            return (predicted.float() - target).square().flatten(1).mean(dim=1)
        mean, share = predicted.float().chunk(2, dim=1)
        error = (mean - target).square().flatten(1).mean(dim=1)
        return error + self._bound(mean.detach(), share, images, steps, noise)

    def _bound(
        self, predicted: Tensor, share: Tensor, images: Tensor, steps: Tensor, noise: Tensor
    ) -> Tensor:
        """Return the variational bound of one step in bits a value, weighted, with a fixed mean.

        Of the first step the likelihood of the 256 levels is taken.
        """
        noisy = self.add(images, steps, noise)
        guess = self.image(noisy, steps, predicted).clamp(-1, 1)
        true = self.posterior(images, noisy, steps, steps - 1)
        mean = self.posterior(guess, noisy, steps, steps - 1).mean
        log_variance = true.learned(share)
        divergence = _divergence(true.mean, true.least, mean, log_variance)
        likelihood = -_log_likelihood(images, mean, 0.5 * log_variance)
        bits = torch.where(steps.view(-1, 1, 1, 1) == 0, likelihood, divergence) / math.log(2)
        weight = len(self.signal) * VARIANCE_WEIGHT
        return weight * bits.flatten(1).mean(dim=1)

    def posterior(self, image: Tensor, noisy: Tensor, steps: Tensor, before: Tensor) -> Posterior:
        """Return the distribution of less noisy images, given noisy ones and what they show.

        Args:
            image: what they show, ``[b, C, S, S]``.
            noisy: the noisy images, ``[b, C, S, S]``.
            steps: of those, int64 ``[b]``.
            before: steps of the less noisy ones, int64 ``[b]``; −1 is the image itself.
        """
        now, earlier = self._signal_at(steps), self._signal_at(before)
        kept = now / earlier
        of_image = earlier.sqrt() * (1 - kept) / (1 - now)
        of_noisy = kept.sqrt() * (1 - earlier) / (1 - now)
        variance = (1 - kept) * (1 - earlier) / (1 - now)
        # The last step has no variance; as published it takes that of the one before it.
        second = (1 - self.signal[1] / self.signal[0]) * (1 - self.signal[0]) / (1 - self.signal[1])
        variance = torch.where(before.view(-1, 1, 1, 1) < 0, second, variance)
        return Posterior(
            of_image.float() * image + of_noisy.float() * noisy,
            variance.log().float(),
            (1 - kept).log().float(),
        )

    def _signal_at(self, steps: Tensor) -> Tensor:
        whole = torch.cat([self.signal, self.signal.new_ones(1)])
        return whole[steps].view(-1, 1, 1, 1)  # step −1 is the last entry: all image

    def _scales(self, steps: Tensor) -> tuple[Tensor, Tensor]:
        signal = self._signal_at(steps)
        return signal.sqrt().float(), (1 - signal).sqrt().float()


def _signal(options: DiffusionOptions) -> Tensor:
    """Return ᾱ of each step, float64 ``[T]``; linear variances are scaled to the number of steps.

    Raises:
        ImprintError: diffusers is missing.
    """
    scale = PUBLISHED_STEPS / options.diffusion_steps
    schedule = import_diffusers("reconstruct").DDPMScheduler(
        num_train_timesteps=options.diffusion_steps,
        beta_schedule="linear" if options.schedule == "linear" else "squaredcos_cap_v2",
        beta_start=1e-4 * scale,
        beta_end=min(2e-2 * scale, 0.999),
    )
    variances: Tensor = schedule.betas
    return (1 - variances.double()).cumprod(dim=0)


def _divergence(mean: Tensor, log_variance: Tensor, other: Tensor, other_log: Tensor) -> Tensor:
    """Return KL(N(mean, variance) ‖ N(other, other variance)) of each value, in nats."""
    return 0.5 * (
        other_log
        - log_variance
        + (log_variance - other_log).exp()
        + (mean - other).square() * (-other_log).exp()
        - 1
    )


def _log_likelihood(images: Tensor, mean: Tensor, log_deviation: Tensor) -> Tensor:
    """Return the log probability of each value's level, of 256 in [−1, 1], under a Gaussian."""
    scale = (-log_deviation).exp()
    above = torch.special.ndtr((images - mean + 1 / 255) * scale)
    below = torch.special.ndtr((images - mean - 1 / 255) * scale)
    above = torch.where(images > 0.999, 1.0, above)
    below = torch.where(images < -0.999, 0.0, below)
    return (above - below).clamp_min(1e-12).log()
