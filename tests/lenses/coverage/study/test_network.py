from pathlib import Path

import numpy as np
import pytest
import torch

from imprint.data.imageset import ArrayImages
from imprint.data.view import View
from imprint.launch.launcher import using
from imprint.launch.shards import cut_into
from imprint.lenses.coverage.study.network import AuditedNetwork, TakeActivations, draw
from imprint.nets.load import NetworkFile
from imprint.probe.neurons.activations import Storage
from imprint.probe.neurons.tap_options import TapOptions
from imprint.study.store import Study
from tests.launch.inline import InlineLauncher, Killed


def view(count: int = 8) -> View:
    pixels = np.random.default_rng(0).integers(0, 256, (count, 3, 16, 16), dtype=np.uint8)
    images = ArrayImages(pixels, np.arange(count) % 3, ("a", "b", "c"))
    return View(images, np.arange(count)[::-1].copy())


def test_images_are_drawn_from_the_view_without_repeats() -> None:
    drawn = draw(view(), 3, 0, "importance")
    assert len(set(drawn.index.tolist())) == 3
    assert sorted(draw(view(), 0, 0, "importance").index) == list(range(8))
    assert draw(view(), 0, 1, "importance").index.tolist() != list(range(8))


def test_activations_are_taken_once_and_keep_the_order_of_the_view(
    world: Path, tmp_path: Path
) -> None:
    network = AuditedNetwork(NetworkFile(world / "net.safetensors"), torch.device("cpu"))
    step = TakeActivations(network, view(), TapOptions(names=("fc2",)), part="test")
    table = step.table(Study(tmp_path))
    assert table.index is not None
    assert table.index.tolist() == list(range(8))[::-1]
    assert table.layers.names == ("fc2",)
    again = TakeActivations(network, view(), TapOptions(names=("fc2",)), part="test")
    assert np.array_equal(again.table(Study(tmp_path)).values, table.values)
    assert network.fingerprint() == NetworkFile(world / "net.safetensors").fingerprint()


@pytest.mark.parametrize("storage", ["float32", "float16"])
def test_shards_of_the_images_give_the_bytes_of_one_pass(
    world: Path, tmp_path: Path, storage: Storage
) -> None:
    network = AuditedNetwork(NetworkFile(world / "net.safetensors"), torch.device("cpu"))
    step = TakeActivations(network, view(600), TapOptions(), storage, "test")
    whole = files_of(Study(tmp_path / "whole").run(step))
    killed, again = InlineLauncher(survives=1), InlineLauncher()
    study = Study(tmp_path / "parts")
    with using(killed), cut_into(2), pytest.raises(Killed):
        study.run(step)
    with using(again), cut_into(2):
        assert files_of(study.run(step)) == whole
    uncut = Study(tmp_path / "uncut")
    with using(InlineLauncher(survives=1)), cut_into(2), pytest.raises(Killed):
        uncut.run(step)
    assert files_of(uncut.run(step)) == whole
    assert set(whole) == {"values.npy", "inputs.parquet", "layers.json"}
    assert [*killed.keys, *again.keys] == ["activations/test/0-512", "activations/test/512-600"]
    folder = tmp_path / "parts/activations"
    assert {path.name for path in folder.iterdir()} == {"test", "test.card.json"}


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}
