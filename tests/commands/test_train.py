import json

import numpy as np
import pytest

from imprint.cli import main

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
