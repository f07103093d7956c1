"""Samples between two representations: ends, noise, tile, refusals."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from imprint.core.bounds import OptionError
from imprint.core.errors import ImprintError
from imprint.lenses.reconstruct.options import InterpolateOptions, SampleOptions
from imprint.lenses.reconstruct.study.interpolate import interpolate_study
from imprint.lenses.reconstruct.study.sample import read_samples, sample_study
from imprint.reading.weights_files import read_safetensors
from tests.lenses.reconstruct.study.tiny_runs import save_images, save_run


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    root = tmp_path_factory.mktemp("interpolate")
    first, second = save_images(root / "two", 2)
    return InterpolateOptions(
        run=save_run(root / "run"),
        first=first,
        second=second,
        samples=3,
        sampling_steps=3,
        device="cpu",
        out=root / "out",
    )


def interpolated(options, out, **changes):
    options = dataclasses.replace(options, out=out, **changes)
    interpolate_study(options)
    return read_safetensors(out / "interpolation" / "samples.safetensors")


def test_ends_are_the_samples_of_each_image_alone(options, tmp_path):
    tensors = interpolated(options, tmp_path / "out")
    assert tensors["ratios"].tolist() == [0, 0.25, 0.5, 0.75, 1]
    samples = tensors["samples"].numpy()
    assert samples.shape == (5, 3, 3, 16, 16)
    for ratio, file in ((0, options.first), (-1, options.second)):
        folder = tmp_path / file.stem / "photos"
        folder.mkdir(parents=True)
        (folder / file.name).write_bytes(file.read_bytes())
        # Of several sizes, so that they are read from files, as single ones are.
        Image.new("RGB", (5, 5)).save(folder / "z.png")
        shared = {"samples": 3, "sampling_steps": 3, "device": "cpu", "run": options.run}
        sample = SampleOptions(data=str(folder.parent), out=tmp_path / f"{file.stem}-out", **shared)
        sample_study(sample)
        alone, _ = read_samples(sample.out / "samples" / "samples.safetensors")
        np.testing.assert_array_equal(samples[ratio], alone[0])
    assert (samples[0] != samples[-1]).any()


def test_equal_ratios_get_equal_noise_whatever_stands_beside_them(options, tmp_path):
    ratios = (-1.0, 0.5, 2.0, 0.5)
    samples = interpolated(options, tmp_path / "a", ratios=ratios)["samples"].numpy()
    np.testing.assert_array_equal(samples[1], samples[3])
    assert (samples[0] != samples[2]).any()
    alone = interpolated(options, tmp_path / "b", ratios=(0.5,), batch_size=1)["samples"].numpy()
    np.testing.assert_array_equal(samples[1], alone[0])


def test_the_tile_has_a_row_a_sample_between_both_images(options, tmp_path):
    interpolated(options, tmp_path / "out", ratios=(0.0, 1.0))
    tile = np.asarray(Image.open(tmp_path / "out" / "interpolation" / "tile.png"))
    cell, gap = 64 + 2, 4
    assert tile.shape == (3 * cell - 2, 4 * cell + 2 * gap - 2, 3)
    np.testing.assert_array_equal(tile[:64, :64], tile[cell : cell + 64, :64])
    np.testing.assert_array_equal(tile[:64, -64:], tile[cell : cell + 64, -64:])
    assert (tile[:64, :64] != tile[:64, -64:]).any()


@pytest.mark.parametrize(
    ("ratios", "complaint"),
    [
        ((), "1 to 50 numbers"),
        ((0.0,) * 51, "1 to 50 numbers"),
        ((1e9,), r"in \[-100, 100\]"),
        ((float("nan"),), "finite"),
    ],
)
def test_ratios_are_checked(options, ratios, complaint):
    with pytest.raises(OptionError, match=complaint):
        dataclasses.replace(options, ratios=ratios)


def test_what_is_no_image_is_refused_and_nothing_is_left(options, tmp_path):
    file = tmp_path / "a.png"
    file.write_text("no image")
    with pytest.raises(ImprintError, match=r"a\.png"):
        interpolated(options, tmp_path / "out", second=file)
    assert not (tmp_path / "out").exists()
