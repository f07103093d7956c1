"""Sampling: the network is a stand-in that knows the answer, or a tiny one."""

import numpy as np
import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.lenses.reconstruct.diffusion.network import ConditionalUNet
from imprint.lenses.reconstruct.diffusion.noise import Noise
from imprint.lenses.reconstruct.diffusion.sampling import (
    ROWS_A_PASS,
    draws_of,
    sample,
    sampling_steps,
)
from imprint.lenses.reconstruct.options import DiffusionOptions, SamplingOptions, UNetOptions

CPU = torch.device("cpu")
PUBLISHED = DiffusionOptions(diffusion_steps=20, schedule="linear", prediction="epsilon")
UNET = UNetOptions(image_size=16, patch=2, width=8, multipliers=(1.0, 1.0), attention=())


def tiny(outputs=1):
    torch.manual_seed(0)
    return ConditionalUNet(UNET, 3, 5, outputs).eval()


class Knowing(torch.nn.Module):
    """Predicts the noise that leads to the constant image that the representation names."""

    def __init__(self, noise):
        super().__init__()
        self.noise, self.channels, self.image_size, self.outputs = noise, 1, 4, 1
        self.empty = torch.nn.Parameter(torch.zeros(1))

    def forward(self, images, steps, representations, dropped):
        signal = self.noise.signal[steps].view(-1, 1, 1, 1)
        aim = representations[:, :1, None, None].masked_fill(dropped.view(-1, 1, 1, 1), 0)
        return ((images - signal.sqrt() * aim) / (1 - signal).sqrt()).float()


def pixels(network, noise, draws, **options):
    out = [batch for _, batch in sample(network, noise, draws, SamplingOptions(**options), "")]
    return np.concatenate(out)


@pytest.mark.parametrize("sampler", ["ddim", "ddpm"])
@pytest.mark.parametrize("count", [1, 3, 20])
def test_a_network_that_knows_the_image_brings_it_back(sampler, count):
    noise = Noise.of(PUBLISHED, CPU)
    aims = np.array([[-1.0], [0.0], [0.5]], dtype=np.float32)
    draws = draws_of(aims, np.arange(3), 2, 0)
    got = pixels(Knowing(noise), noise, draws, sampling_steps=count, sampler=sampler)
    expected = np.repeat(np.rint((aims[:, 0] + 1) * 127.5), 2)
    np.testing.assert_allclose(got, expected[:, None, None, None] * np.ones((1, 1, 4, 4)), atol=1)


@pytest.mark.parametrize("guidance", [0, 2])
def test_guidance_extrapolates_from_the_empty_prediction(guidance):
    noise = Noise.of(PUBLISHED, CPU)
    draws = draws_of(np.array([[0.25]], dtype=np.float32), np.arange(1), 1, 0)
    got = pixels(Knowing(noise), noise, draws, sampling_steps=20, guidance=guidance)
    assert np.abs(got - np.rint((0.25 * guidance + 1) * 127.5)).max() <= 1


@pytest.mark.parametrize("sampler", ["ddim", "ddpm"])
@pytest.mark.parametrize("outputs", [1, 2])
def test_pixels_are_the_same_at_any_batch_size_and_in_any_company(sampler, outputs):
    network = tiny(outputs)
    options = DiffusionOptions(diffusion_steps=6, learned_variance=outputs == 2)
    noise = Noise.of(options, CPU)
    values = np.random.default_rng(0).normal(size=(9, 5)).astype(np.float32)
    options = {"sampling_steps": 4, "sampler": sampler, "samples": 3, "guidance": 1.5}
    whole = pixels(network, noise, draws_of(values, np.arange(9), 3, 7), **options, batch_size=64)
    parts = pixels(network, noise, draws_of(values, np.arange(9), 3, 7), **options, batch_size=1)
    np.testing.assert_array_equal(whole, parts)
    alone = pixels(network, noise, draws_of(values[4:5], np.array([4]), 3, 7), **options)
    np.testing.assert_array_equal(whole[12:15], alone)
    assert len(whole) == 27 > ROWS_A_PASS
    assert (whole[0] != whole[1]).any()


def test_steps_run_evenly_from_the_last_to_the_first():
    assert sampling_steps(3, 1000) == [999, 500, 0]
    assert sampling_steps(1000, 1000) == list(range(999, -1, -1))
    assert sampling_steps(1, 1000) == [999]


def test_more_steps_than_there_are_is_refused():
    with pytest.raises(ImprintError, match="at most 20, the steps of the run's noise, got 21"):
        sampling_steps(21, 20)


def test_a_sample_that_is_not_finite_is_refused():
    network = tiny()
    torch.nn.init.constant_(network.condition.weight, torch.nan)
    noise = Noise.of(DiffusionOptions(diffusion_steps=4), CPU)
    draws = draws_of(np.ones((1, 5), dtype=np.float32), np.arange(1), 1, 0)
    with pytest.raises(ImprintError, match="a sample is not finite"):
        pixels(network, noise, draws, sampling_steps=2)


def test_guidance_without_empty_representations_is_refused():
    noise = Noise.of(DiffusionOptions(diffusion_steps=4, drop_condition=0.0), CPU)
    draws = draws_of(np.zeros((1, 1), dtype=np.float32), np.arange(1), 1, 0)
    with pytest.raises(ImprintError, match="--guidance must be 1"):
        pixels(Knowing(noise), noise, draws, sampling_steps=2, guidance=2)
