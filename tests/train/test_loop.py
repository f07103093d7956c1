import json
import os
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from imprint.core.errors import ImprintError
from imprint.data.imageset import ArrayImages
from imprint.nets.load import load_model
from imprint.train import loop
from imprint.train.loop import train
from imprint.train.probe_options import OnlineProbeOptions
from imprint.train.run_state import RunState
from tests.train.small_runs import CPU, OPTIONS

TAUGHT = ("byol", "dino")


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


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("objective", ["vicreg", "dino", "supervised"])
def test_a_run_killed_within_an_epoch_ends_with_the_same_bytes(
    images, tmp_path, monkeypatch, objective, steps
):
    probes = OnlineProbeOptions(on=True)
    options = replace(OPTIONS, batch_size=8, objective=objective, online_probes=probes, epochs=2)
    train(images, np.arange(40), options, tmp_path / "whole", 0, CPU)
    often = replace(options, resume_steps=steps, resume_every=10)
    saved = RunState.save
    points = []

    def killed(run, path):
        saved(run, path)
        points.append((run.epoch, run.steps))
        if len(points) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(RunState, "save", killed)
    with pytest.raises(KeyboardInterrupt):
        train(images, np.arange(40), often, tmp_path / "killed", 0, CPU)
    assert points == ([(0, 1), (0, 2)] if steps == 1 else [(0, 3), (1, 1)])
    monkeypatch.setattr(RunState, "save", saved)
    drawn = []
    plain = loop.Batches.epoch

    def watched(batches, epoch, sizes=None, first=0):
        drawn.append((epoch, first))
        return plain(batches, epoch, sizes, first)

    monkeypatch.setattr(loop.Batches, "epoch", watched)
    train(images, np.arange(40), often, tmp_path / "killed", 0, CPU)
    assert drawn[0] == points[1]
    assert sorted(os.listdir(tmp_path / "killed")) == sorted(os.listdir(tmp_path / "whole"))
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


def test_too_few_images_are_rejected(images, tmp_path):
    with pytest.raises(ImprintError, match=r"on 1 image\(s\)"):
        train(images, np.arange(1), OPTIONS, tmp_path, 0, CPU)


def test_the_rate_scales_with_the_batch_that_is_drawn(images, tmp_path):
    options = replace(OPTIONS, epochs=1, warmup_epochs=0, snapshot_every=0, batch_size=1000)
    for name, given in (("few", options), ("exact", replace(options, batch_size=40))):
        train(images, np.arange(40), given, tmp_path / name, 0, CPU)
    line = json.loads((tmp_path / "few" / "log.jsonl").read_text())
    assert line["learning_rate"] == pytest.approx(OPTIONS.learning_rate * 40 / 256)
    assert weights(tmp_path / "few") == weights(tmp_path / "exact")
