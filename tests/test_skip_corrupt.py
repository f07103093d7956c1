"""One photo of each class cannot be decoded: every command that reads images can leave it out."""

import numpy as np
import pytest
from PIL import Image

from imprint.cli import main
from imprint.nets.fill import initial_model
from imprint.nets.model_card import ModelCard
from imprint.nets.save import save_model

CARD = ModelCard("mlp", 3, 2, 8, (0.5,), (0.25,), {"widths": "16"})
TINY = "--train.architecture mlp --train.input-size 8 --train.epochs 1 --train.batch-size 8 "
COHORT = TINY + "--train.engine sequential --curvature-probes 1 "
COMMANDS = {
    "describe": "data describe --data {seen}",
    "split": "data split --data {seen} --without-boxes --per-class 2",
    "crops": "data crops --data {seen} --crop corner --size 8",
    "train": "train --data {seen} --indices {root}/rows.npy --train.projector 8-4 "
    "--train.warmup-epochs 0 " + TINY,
    "fit": "leave-one-out fit --data {seen} --input-size 4 --noise 1",
    "retrain": "leave-one-out retrain --data {seen} --records 20 --queries 4 --removed 3 "
    "--pairs 8 --depth 1 --input-size 4 --train.width 8 --train.epochs 1 --train.batch-size 8",
    "cohort": "membership cohort --data {seen} --models 6 " + COHORT,
    "audit": "membership audit --model {root}/net.safetensors --members {seen} "
    "--non-members {unseen} --curvature-probes 1",
    "measure": "coverage measure --model {root}/net.safetensors --members {seen} --tests {unseen} "
    "--criteria nc",
}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(0)
    for part in ("seen", "unseen"):
        for name in ("cat", "dog"):
            (folder / part / name).mkdir(parents=True)
            for number in range(26):
                pixels = random.integers(0, 256, (10 + number % 3, 12, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / part / name / f"{number:02d}.png")
            (folder / part / name / "03.png").write_bytes(b"no picture")
    np.save(folder / "rows.npy", np.arange(40))
    save_model(folder / "net.safetensors", initial_model(CARD, 0), CARD)
    return folder


@pytest.mark.parametrize("name", COMMANDS)
def test_corrupt_images_are_left_out_everywhere(root, tmp_path, capsys, name):
    places = {"root": root, "seen": root / "seen", "unseen": root / "unseen"}
    words = COMMANDS[name].format(**places).split()
    main([*words, "--out", str(tmp_path / "out"), "--device", "cpu", "--skip-corrupt"])
    assert "2 of 52 images left out, cannot be decoded: cat/03.png" in capsys.readouterr().err
