import json
import os
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from imprint.core.errors import ImprintError
from imprint.data.imageset import ArrayImages
from imprint.data.sources.composite import composite
from imprint.nets.load import load_model
from imprint.train import batches, loop
from imprint.train.batches import Batches
from imprint.train.loop import train
from imprint.train.options import TrainOptions
from imprint.train.probe_options import OnlineProbeOptions

OPTIONS = TrainOptions(
    architecture="patch_convnet",
    architecture_options=(("width", "8"), ("depth", "1")),
    projector="16-8",
    epochs=4,
    batch_size=16,
    warmup_epochs=1,
    resume_every=1,
    snapshot_every=2,
)
CPU = torch.device("cpu")
TAUGHT = ("byol", "dino")


@pytest.fixture(scope="module")
def images():
    return composite(40)


def weights(folder):
    return (folder / "final.safetensors").read_bytes()


def test_training_repeats_to_the_bit_and_depends_on_the_seed(images, tmp_path):
    for name, seed in (("one", 0), ("again", 0), ("other", 1)):
        train(images, np.arange(40), OPTIONS, tmp_path / name, seed, CPU)
    assert weights(tmp_path / "one") == weights(tmp_path / "again")
    assert weights(tmp_path / "one") != weights(tmp_path / "other")


@pytest.mark.parametrize(
    ("optimizer", "objective"),
    [
        ("adamw", "vicreg"),
        ("sgd", "supervised"),
        ("lars", "simclr"),
        ("adamw", "barlow_twins"),
        ("adamw", "byol"),
        ("adamw", "dino"),
    ],
)
def test_a_killed_run_ends_with_the_same_weights(
    images, tmp_path, monkeypatch, optimizer, objective
):
    options = replace(
        OPTIONS, optimizer=optimizer, objective=objective, online_probes=OnlineProbeOptions(on=True)
    )
    train(images, np.arange(40), options, tmp_path / "whole", 0, CPU)
    written = loop._write_epoch

    def killed(run, *rest):
        written(run, *rest)
        if run.epoch == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(loop, "_write_epoch", killed)
    with pytest.raises(KeyboardInterrupt):
        train(images, np.arange(40), options, tmp_path / "killed", 0, CPU)
    monkeypatch.setattr(loop, "_write_epoch", written)
    train(images, np.arange(40), options, tmp_path / "killed", 0, CPU)
    assert sorted(os.listdir(tmp_path / "killed")) == sorted(os.listdir(tmp_path / "whole"))
    assert (tmp_path / "killed" / "teacher.safetensors").exists() == (objective in TAUGHT)
    for name in os.listdir(tmp_path / "whole"):
        whole, resumed = (tmp_path / each / name for each in ("whole", "killed"))
        assert whole.read_bytes() == resumed.read_bytes(), name


def test_a_run_leaves_snapshots_cards_and_a_log(images, tmp_path):
    train(images, np.arange(40), OPTIONS, tmp_path, 0, CPU)
    assert sorted(os.listdir(tmp_path)) == [
        "epoch_0002.json",
        "epoch_0002.safetensors",
        "final.json",
        "final.safetensors",
        "log.jsonl",
    ]
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3, 4]
    assert load_model(tmp_path / "final.safetensors")(torch.rand(2, 3, 32, 32)).shape == (2, 10)
    snapshot = load_file(tmp_path / "epoch_0002.safetensors")
    assert any(
        not torch.equal(a, b)
        for a, b in zip(
            snapshot.values(), load_file(tmp_path / "final.safetensors").values(), strict=True
        )
    )


@pytest.mark.parametrize("objective", TAUGHT)
def test_the_teacher_and_its_predictor_train_along(images, tmp_path, objective):
    options = replace(OPTIONS, objective=objective)
    train(images, np.arange(40), options, tmp_path, 0, CPU)
    first = loop.initial_model(loop.make_card(images, options, 0), 0).state_dict()
    taught, final = (load_model(tmp_path / f"{name}.safetensors") for name in ("teacher", "final"))
    moved = [
        (
            (parameter - first[name]).norm().item(),
            (dict(final.named_parameters())[name] - first[name]).norm().item(),
        )
        for name, parameter in taught.named_parameters()
        if not name.startswith("head")
    ]
    # With a momentum of 0.996 and more, the teacher has gone a small part of the way.
    assert all(0 < slow < 0.1 * fast for slow, fast in moved)


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


@pytest.mark.parametrize("objective", ["vicreg", *TAUGHT])
def test_bfloat16_trains(images, tmp_path, objective):
    train(
        images,
        np.arange(40),
        replace(OPTIONS, precision="bfloat16", objective=objective),
        tmp_path,
        0,
        CPU,
    )
    assert (tmp_path / "final.safetensors").exists()


def test_one_channel_images_train(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (20, 1, 32, 32), dtype=np.uint8)
    images = ArrayImages(pixels, np.arange(20) % 2, ("a", "b"))
    options = replace(OPTIONS, objective="supervised", projector="")
    train(images, np.arange(20), options, tmp_path, 0, CPU)
    assert load_model(tmp_path / "final.safetensors").channels == 1


def test_a_loss_that_is_not_finite_stops_the_run(images, tmp_path):
    options = replace(OPTIONS, optimizer="sgd", learning_rate=1e12, warmup_epochs=0)
    with pytest.raises(ImprintError, match="the loss of network is nan in epoch"):
        train(images, np.arange(40), options, tmp_path, 0, CPU)


def test_too_few_images_are_told(images, tmp_path):
    with pytest.raises(ImprintError, match=r"on 1 image\(s\)"):
        train(images, np.arange(1), OPTIONS, tmp_path, 0, CPU)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({"batch_size": 1}, "batch_size must be at least 2, got 1: batch statistics"),
        ({"warmup_epochs": 9}, r"warmup_epochs must be at most epochs \(\d\), got 9"),
        ({"warmup": 1.5}, r"warmup must be in \[0, 1\], got 1.5"),
        ({"learning_rate": 0}, "learning_rate must be above 0, got 0"),
        ({"learning_rate": float("nan")}, "learning_rate must be a finite number"),
        ({"momentum": 1.0}, r"momentum must be in \[0, 1\), got 1"),
        ({"momentum": -0.1}, r"momentum must be in \[0, 1\), got -0.1"),
        ({"weight_decay": -1e-4}, "weight_decay must be at least 0, got -0.0001"),
        ({"end_ratio": 1.5}, r"end_ratio must be in \[0, 1\], got 1.5"),
        ({"snapshot_every": -1}, "snapshot_every must be at least 0, got -1"),
        (
            {"precision": "float8"},
            "precision must be one of float32, bfloat16, float16, got",
        ),
        ({"optimizer": "adam"}, "optimizer must be one of adamw, sgd, lars, got 'adam'"),
    ],
)
def test_impossible_options_are_told(setting, message):
    with pytest.raises(ImprintError, match=message):
        replace(OPTIONS, **setting)


def test_the_rate_scales_with_the_batch_that_is_drawn(images, tmp_path):
    options = replace(OPTIONS, epochs=1, warmup_epochs=0, snapshot_every=0, batch_size=1000)
    for name, given in (("few", options), ("exact", replace(options, batch_size=40))):
        train(images, np.arange(40), given, tmp_path / name, 0, CPU)
    line = json.loads((tmp_path / "few" / "log.jsonl").read_text())
    assert line["learning_rate"] == pytest.approx(OPTIONS.learning_rate * 40 / 256)
    assert weights(tmp_path / "few") == weights(tmp_path / "exact")


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


def test_warm_up_is_a_share_of_the_epochs_unless_epochs_are_stated() -> None:
    assert TrainOptions().rising_epochs == 70
    assert TrainOptions(epochs=1).rising_epochs == 0.1
    assert TrainOptions(epochs=20, warmup_epochs=3).rising_epochs == 3
