"""Noise: agreement with diffusers where it is right, identities elsewhere."""

import dataclasses

import diffusers
import numpy as np
import pytest
import torch

from imprint.lenses.reconstruct.diffusion.noise import Noise
from imprint.lenses.reconstruct.options import DiffusionOptions

CPU = torch.device("cpu")


def noise_of(**options):
    published = DiffusionOptions(schedule="linear", prediction="epsilon")
    return Noise.of(dataclasses.replace(published, **options), CPU)


@pytest.fixture
def draw():
    generator = torch.Generator().manual_seed(0)
    images = torch.rand((4, 3, 4, 4), generator=generator) * 2 - 1
    added = torch.randn(images.shape, generator=generator)
    return images, torch.tensor([0, 10, 500, 999]), added


@pytest.mark.parametrize(
    ("schedule", "name"), [("linear", "linear"), ("cosine", "squaredcos_cap_v2")]
)
def test_signal_is_that_of_diffusers(schedule, name):
    theirs = diffusers.DDPMScheduler(1000, 1e-4, 2e-2, name).alphas_cumprod
    np.testing.assert_allclose(noise_of(schedule=schedule).signal, theirs, rtol=2e-4, atol=1e-9)


def test_linear_noise_of_few_steps_ends_as_little_signal_as_that_of_many():
    assert noise_of(diffusion_steps=100).signal[-1] < 1e-4


@pytest.mark.parametrize("prediction", ["epsilon", "v"])
def test_image_of_the_true_prediction_is_the_image(prediction, draw):
    images, steps, added = draw
    noise = noise_of(prediction=prediction, schedule="linear")
    noisy = noise.add(images, steps, added)
    target = noise.target(images, steps, added)
    np.testing.assert_allclose(noise.image(noisy, steps, target), images, atol=2e-4)


@pytest.mark.parametrize("prediction", ["epsilon", "v"])
def test_ddim_step_is_that_of_diffusers_where_the_steps_divide(prediction, draw):
    images, _, added = draw
    noise = noise_of(prediction=prediction)
    theirs = diffusers.DDIMScheduler(
        1000,
        1e-4,
        2e-2,
        prediction_type="epsilon" if prediction == "epsilon" else "v_prediction",
        timestep_spacing="trailing",
    )
    theirs.set_timesteps(50)
    step = torch.full((4,), 499)
    noisy = noise.add(images, step, added)
    predicted = noise.target(images, step, added) + 0.01 * added.flip(0)
    image = noise.image(noisy, step, predicted).clamp(-1, 1)
    expected = theirs.step(predicted, 499, noisy, use_clipped_model_output=True).prev_sample
    np.testing.assert_allclose(noise.towards(image, noisy, step, step - 20), expected, atol=1e-5)


@pytest.mark.parametrize("before", [479, 498])
def test_posterior_is_that_of_diffusers(before, draw):
    images, _, added = draw
    noise = noise_of()
    theirs = diffusers.DDPMScheduler(1000, 1e-4, 2e-2, variance_type="fixed_small_log")
    theirs.set_timesteps(timesteps=[999, 499, before, 0])
    step = torch.full((4,), 499)
    noisy = noise.add(images, step, added)
    posterior = noise.posterior(images, noisy, step, torch.full((4,), before))
    # Their variance is exp(log variance / 2), the standard deviation, under this name.
    spread = theirs._get_variance(499)
    np.testing.assert_allclose((0.5 * posterior.least).exp().flatten()[0], spread, rtol=1e-4)
    generator = torch.Generator().manual_seed(1)
    fresh = torch.randn(images.shape, generator=torch.Generator().manual_seed(1))
    expected = theirs.step(added, 499, noisy, generator=generator).prev_sample
    np.testing.assert_allclose(posterior.mean + spread * fresh, expected, atol=1e-4)


def test_learned_variance_lies_between_both_ends(draw):
    images, steps, added = draw
    posterior = noise_of().posterior(images, noise_of().add(images, steps, added), steps, steps - 1)
    ones = torch.ones_like(images)
    np.testing.assert_allclose(posterior.learned(-ones)[1], posterior.least[1].expand(3, 4, 4))
    np.testing.assert_allclose(posterior.learned(ones)[1], posterior.most[1].expand(3, 4, 4))
    assert (posterior.least <= posterior.most + 1e-6)[1:].all()


def test_bound_of_the_true_prediction_is_nearly_the_entropy_gap(draw):
    images, steps, added = draw
    noise = noise_of(learned_variance=True)
    target = noise.target(images, steps, added)
    least = -torch.ones_like(target)
    perfect = noise.loss(torch.cat([target, least], dim=1), images, steps, added)
    wider = noise.loss(torch.cat([target, -least], dim=1), images, steps, added)
    # With the true mean and the posterior's own variance the divergence of later steps is 0.
    np.testing.assert_allclose(perfect[1:], 0, atol=1e-5)
    assert (wider[1:3] > 0).all()
    assert perfect[0] > 0  # bits of the 256 levels


def test_first_step_is_worth_the_bits_of_its_levels():
    noise = noise_of(learned_variance=True)
    images, steps = torch.zeros(1, 1, 1, 1), torch.tensor([0])
    zeros = torch.zeros_like(images)
    loss = noise.loss(torch.cat([zeros, -torch.ones_like(images)], dim=1), images, steps, zeros)
    signal = noise.signal
    variance = (1 - signal[1] / signal[0]) * (1 - signal[0]) / (1 - signal[1])
    mean = 0.0  # of the posterior of a noiseless zero
    gaussian = torch.distributions.Normal(mean, float(variance.sqrt()))
    probability = gaussian.cdf(torch.tensor(1 / 255)) - gaussian.cdf(torch.tensor(-1 / 255))
    assert float(loss) == pytest.approx(-float(probability.log2()), rel=1e-4)


@pytest.mark.parametrize("prediction", ["epsilon", "v"])
def test_gradient_of_the_bound_reaches_the_variance_alone(prediction, draw):
    images, steps, added = draw
    noise = noise_of(learned_variance=True, prediction=prediction)
    target = noise.target(images, steps, added)
    predicted = torch.cat([target, torch.zeros_like(target)], dim=1).requires_grad_()
    noise.loss(predicted, images, steps, added).sum().backward()
    mean, share = predicted.grad.chunk(2, dim=1)
    assert (mean == 0).all()  # the error is 0, and the bound holds the mean fixed
    assert share.abs().sum() > 0
