import json

import numpy as np
import pytest

from imprint.cli import main
from imprint.core.errors import ImprintError
from imprint.data.sources.composite import composite
from imprint.train.command import read_held_out

WORDS = (
    "train --device cpu --composite-count 40 --train.epochs 2 --train.warmup-epochs 0 "
    "--train.batch-size 20 --train.projector 8-4 --train.architecture-options width=4,depth=1 "
    "--train.objective byol --train.objective-options momentum=0.9 --train.online-probes.on "
    "--train.resolution.min-resolution 16 --train.resolution.start-epoch 0 "
    "--train.resolution.end-epoch 1 --json"
)


def test_the_command_takes_every_option_of_training(tmp_path, capsys):
    np.save(tmp_path / "indices.npy", np.arange(30))
    words = [*WORDS.split(), "--members", str(tmp_path / "indices.npy")]
    main([*words, "--out", str(tmp_path / "run")])
    found = json.loads(capsys.readouterr().out)
    assert found["last_epoch"]["epoch"] == 2
    # Ten of the forty images are not trained on.
    share = found["last_epoch"]["probes"]["backbone"]["held_out_top1"] * 10
    assert share == pytest.approx(round(share))
    assert (tmp_path / "run" / "network" / "teacher.safetensors").exists()


def test_images_are_held_out_or_trained_on_but_not_both(tmp_path):
    images, file = composite(20), tmp_path / "held_out.npy"
    trained = np.arange(5, 20)
    assert read_held_out(None, images, trained).tolist() == [0, 1, 2, 3, 4]
    np.save(file, np.array([3, 1]))
    assert read_held_out(file, images, trained).tolist() == [3, 1]
    np.save(file, np.array([3, 7]))
    with pytest.raises(ImprintError, match="holds out image 7, which is trained on"):
        read_held_out(file, images, trained)
