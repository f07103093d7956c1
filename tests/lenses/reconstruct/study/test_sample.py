"""``reconstruct sample``: what cannot be sampled is refused before any work, and leaves nothing."""

import contextlib
import dataclasses

import numpy as np
import pytest
from PIL import Image

from imprint.core.errors import ImprintError
from imprint.launch.launcher import using
from imprint.launch.shards import cut_into
from imprint.lenses.reconstruct.options import SampleOptions
from imprint.lenses.reconstruct.study import sample
from imprint.lenses.reconstruct.study.sample import read_samples, sample_study
from tests.launch.inline import InlineLauncher, Killed
from tests.lenses.reconstruct.study.tiny_runs import save_images, save_run


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    root = tmp_path_factory.mktemp("sample")
    save_images(root / "images", 3)
    return SampleOptions(
        run=save_run(root / "run", drop_condition=0.0),
        data=str(root / "images"),
        samples=2,
        sampling_steps=2,
        device="cpu",
        out=root / "out",
    )


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"sampling_steps": 7}, "--sampling-steps must be at most 6"),
        ({"guidance": 2.0}, "--guidance must be 1"),
    ],
)
def test_what_the_run_cannot_do_is_refused(options, tmp_path, changes, complaint):
    with pytest.raises(ImprintError, match=complaint):
        sample_study(dataclasses.replace(options, out=tmp_path / "out", **changes))
    assert not (tmp_path / "out").exists()


def test_samples_that_do_not_fit_in_memory_are_refused(options, tmp_path, monkeypatch):
    bytes_a_sample = 3 * 16 * 16 + 4 * 16
    monkeypatch.setattr(sample, "free_memory", lambda _: 6 * bytes_a_sample - 1)
    with pytest.raises(ImprintError, match=r"6 samples take 0.0 GiB.*lower --samples"):
        sample_study(dataclasses.replace(options, out=tmp_path / "out"))
    monkeypatch.setattr(sample, "free_memory", lambda _: 6 * bytes_a_sample)
    sample_study(dataclasses.replace(options, out=tmp_path / "out"))


def test_the_tile_is_bounded_whatever_the_number_of_samples(options, tmp_path, monkeypatch):
    monkeypatch.setattr(sample, "TILED_SAMPLES", 3)
    monkeypatch.setattr(sample, "TILED_IMAGES", 2)
    changed = dataclasses.replace(options, out=tmp_path / "out", samples=5)
    sample_study(changed)
    folder = tmp_path / "out" / "samples"
    samples, index = read_samples(folder / "samples.safetensors")
    assert samples.shape == (3, 5, 3, 16, 16)
    assert index.tolist() == [0, 1, 2]
    assert np.asarray(Image.open(folder / "tile.png")).shape == (2 * 66 - 2, 4 * 66 + 4 - 2, 3)


def test_samples_drawn_by_tasks_are_those_of_one_pass(options, tmp_path):
    def files_of(name, *contexts):
        with contextlib.ExitStack() as stack:
            for context in contexts:
                stack.enter_context(context)
            sample_study(dataclasses.replace(options, out=tmp_path / name))
        folder = tmp_path / name / "samples"
        return {path.name: path.read_bytes() for path in folder.iterdir()}

    whole = files_of("whole")
    killed, again = InlineLauncher(survives=1), InlineLauncher()
    with pytest.raises(Killed):
        files_of("parts", using(killed), cut_into(2))
    assert files_of("parts", using(again), cut_into(2)) == whole
    assert set(whole) == {"samples.safetensors", "tile.png"}
    keys = [*killed.keys, *again.keys]
    assert keys == ["samples/0-2.safetensors", "samples/2-3.safetensors"]
