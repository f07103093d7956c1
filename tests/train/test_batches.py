import json
from dataclasses import replace

import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.train import batches
from imprint.train.batches import Batches
from imprint.train.loop import train
from tests.train.small_runs import CPU, OPTIONS


class Streamed:
    """The same images behind the protocol alone, so that they are read rectangle by rectangle."""

    def __init__(self, images):
        self._images = images

    def __getattr__(self, name):
        return getattr(self._images, name)

    def __len__(self):
        return len(self._images)


@pytest.mark.parametrize("objective", ["vicreg", "dino"])
def test_images_read_from_disk_train_like_images_in_memory(images, tmp_path, objective):
    # Pixels read as rectangles are rounded to 8 bits, so losses agree to a part in a hundred.
    options = replace(OPTIONS, epochs=1, snapshot_every=0, objective=objective)
    for name, source in (("memory", images), ("disk", Streamed(images))):
        train(source, np.arange(40), options, tmp_path / name, 0, CPU)
    memory, disk = (
        json.loads((tmp_path / name / "log.jsonl").read_text()) for name in ("memory", "disk")
    )
    assert memory["loss"] == pytest.approx(disk["loss"], rel=1e-2)


def test_processes_share_a_batch_evenly(images, monkeypatch):
    monkeypatch.setattr(batches, "world_size", lambda: 3)
    view = (OPTIONS.first_view,)
    shares = []
    for process in range(3):
        monkeypatch.setattr(batches, "rank", lambda process=process: process)
        drawn = Batches(images, np.arange(40), view, 16, 32, 0, CPU)
        assert (drawn.batch_size, drawn.per_epoch) == (15, 2)
        shares.append([len(labels) for _, labels in drawn.epoch(0)])
    assert shares == [[5, 5]] * 3
    assert Batches(images, np.arange(6), view, 16, 32, 0, CPU).batch_size == 6
    for count, batch_size in ((5, 16), (40, 5)):
        with pytest.raises(ImprintError, match="batches of 5 images leave less than 2 for each of"):
            Batches(images, np.arange(count), view, batch_size, 32, 0, CPU)
