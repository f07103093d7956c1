"""Changed representations: neighbours and dimensions against brute force, rows, refusals."""

import dataclasses

import numpy as np
import pytest
import torch
from PIL import Image

from imprint.core.bounds import OptionError
from imprint.core.errors import ImprintError
from imprint.data.single import view_of_file
from imprint.lenses.reconstruct.options import InterpolateOptions, ManipulateOptions
from imprint.lenses.reconstruct.study.interpolate import interpolate_study
from imprint.lenses.reconstruct.study.manipulate import manipulate_study
from imprint.lenses.reconstruct.study.sample import DiffusionRun
from imprint.reading.weights_files import read_safetensors
from imprint.study.tables import read_table
from tests.lenses.reconstruct.study.tiny_runs import WIDTH, save_images, save_run

NEAREST, COMMON = 7, 4


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    root = tmp_path_factory.mktemp("manipulate")
    save_images(root / "neighbours", 12)
    image, target = save_images(root / "two", 2, first=1)
    return ManipulateOptions(
        run=save_run(root / "run"),
        image=image,
        neighbours=root / "neighbours",
        target=target,
        nearest=NEAREST,
        common=COMMON,
        samples=2,
        sampling_steps=3,
        device="cpu",
        out=root / "out",
    )


@pytest.fixture(scope="module")
def values(options):
    """Return representations of source, target and neighbours."""
    run = DiffusionRun.open(options.run)
    files = [options.image, options.target]
    files += sorted((options.neighbours / "photos").iterdir())
    device = torch.device("cpu")
    return np.concatenate([run.represent(view_of_file(file, 3), device, "") for file in files])


def manipulated(options, out, **changes):
    options = dataclasses.replace(options, out=out, **changes)
    return manipulate_study(options), out / "manipulation"


@pytest.mark.parametrize("metric", ["cosine", "l2"])
def test_neighbours_and_dimensions_are_those_of_brute_force(options, values, tmp_path, metric):
    finding, folder = manipulated(options, tmp_path / "out", metric=metric)
    source, target, base = values[0], values[1], values[2:]
    if metric == "cosine":  # as published: only the data base is normalised, which ranks alike
        base = base / np.linalg.norm(base, axis=1, keepdims=True)
    order = np.argsort(np.linalg.norm(base - source, axis=1))[:NEAREST]
    neighbours = read_table(folder / "neighbours.parquet")
    assert neighbours["index"].tolist() == order.tolist()
    assert list(neighbours["image"]) == [f"photos/{row:03d}.png" for row in order]
    assert finding.neighbours == tuple(neighbours["image"])
    counts = (base[order] != 0).sum(axis=0)
    table = read_table(folder / "dimensions.parquet")
    assert table["neighbours"].tolist() == counts.tolist()
    assert table["changed"].tolist() == (counts > COMMON).tolist()
    assert 0 < finding.changed_dimensions < finding.dimensions == WIDTH
    np.testing.assert_array_equal(table["source"], source)
    np.testing.assert_array_equal(table["target"], target)
    assert set(table["layer"]) == {"backbone"}


def test_rows_are_source_zeroed_and_replaced_with_the_same_noise(options, tmp_path):
    _, folder = manipulated(options, tmp_path / "out")
    samples = read_safetensors(folder / "samples.safetensors")["samples"].numpy()
    assert samples.shape == (3, 2, 3, 16, 16)
    line = InterpolateOptions(
        first=options.image,
        second=options.target,
        ratios=(0.0,),
        out=tmp_path / "line",
        **{name: getattr(options, name) for name in ("run", "samples", "sampling_steps", "device")},
    )
    interpolate_study(line)
    own = read_safetensors(line.out / "interpolation" / "samples.safetensors")["samples"].numpy()
    np.testing.assert_array_equal(samples[0], own[0])
    assert (samples[1] != samples[0]).any()
    assert (samples[2] != samples[1]).any()
    tile = np.asarray(Image.open(folder / "tile.png"))
    assert tile.shape == (3 * 66 - 2, 3 * 66 + 4 - 2, 3)


def test_an_image_as_its_own_target_changes_nothing(options, tmp_path):
    _, folder = manipulated(options, tmp_path / "out", target=options.image)
    samples = read_safetensors(folder / "samples.safetensors")["samples"].numpy()
    np.testing.assert_array_equal(samples[2], samples[0])


def test_a_projector_without_zeros_is_refused_until_a_threshold_is_set(options, tmp_path):
    run = save_run(tmp_path / "both", "both")
    with pytest.raises(ImprintError, match="all 4 dimensions of the projector are above 0"):
        manipulated(options, tmp_path / "out", run=run)
    _, folder = manipulated(options, tmp_path / "out", run=run, nonzero=0.1)
    layers = read_table(folder / "dimensions.parquet")["layer"]
    assert list(layers) == ["backbone"] * WIDTH + ["projector"] * 4


def test_counts_of_neighbours_are_checked(options, tmp_path):
    with pytest.raises(OptionError, match=r"common must be below --nearest \(4\)"):
        dataclasses.replace(options, nearest=4)
    with pytest.raises(ImprintError, match="--nearest must be at most 12, the images in"):
        manipulated(options, tmp_path / "out", nearest=13)
    assert not (tmp_path / "out").exists()
