import json

import numpy as np
import pytest
import torch

from imprint.data.sources.composite import composite
from imprint.lenses.dejavu.options import DejavuChoice
from imprint.lenses.dejavu.study.backgrounds import AttackedSet
from imprint.lenses.dejavu.study.online import OnlineAttack
from imprint.nets.fill import initial_model
from imprint.nets.model_card import ModelCard
from imprint.study.tables import read_table
from imprint.train import loop
from imprint.train.options import TrainOptions

CARD = ModelCard("mlp", 3, 10, 8, (0.5,), (0.25,), {"widths": "16"})
CPU = torch.device("cpu")


def attack_of_six(every, k, **changes):
    """Return an attack on images 0 … 5 as they are, among 40 public images that hold them."""
    whole = np.tile([0.0, 0.0, 32.0, 32.0], (6, 1))
    attacked = AttackedSet(np.arange(6), whole, np.array([0, 0, 0, 1, 1, 1]), {})
    options = DejavuChoice(
        out="unused", k=k, layer="backbone", top_percent=(50,), device="cpu", **changes
    )
    return OnlineAttack.of(every, options, np.arange(40), attacked)


def test_images_among_the_public_ones_are_recognised_when_the_epoch_is_due():
    online = attack_of_six(2, k=1)
    assert online.attack.top_percent == (100,)
    on_epoch_end = online.on_epoch_end(composite(40), CPU)
    model = initial_model(CARD, 0)
    assert on_epoch_end(model, 1) == {}
    one_each = {"A": 1.0, "B": 1.0}
    assert on_epoch_end(model, 2) == {"attack": one_each, "attack_votes": one_each}


def test_votes_and_neighbours_of_every_crop_are_kept_beside_the_log(tmp_path):
    images = composite(40)
    online = attack_of_six(1, k=7, voting=5)
    line = online.on_epoch_end(images, CPU, tmp_path)(initial_model(CARD, 0), 3)
    table = read_table(tmp_path / "attack" / "epoch_0003.parquet")
    assert table["neighbours"].shape == (6, 7)
    np.testing.assert_array_equal(table["neighbours"][:, 0], table["index"])
    voters = images.labels[table["neighbours"][:, :5]]
    by_hand = (voters == images.labels[table["index"]][:, None]).sum(axis=1)
    np.testing.assert_array_equal(table["votes"], by_hand)
    most = [np.bincount(row).max() for row in voters]
    np.testing.assert_array_equal(table["votes_for_guess"], most)
    np.testing.assert_array_equal(table["right"], table["guess"] == table["label"])
    for row, name in enumerate("AB"):
        side = table["side"] == row
        assert line["attack_votes"][name] == pytest.approx(by_hand[side].mean())
        assert line["attack"][name] == pytest.approx(table["right"][side].mean())


def test_a_killed_training_leaves_the_same_log_and_votes_as_an_undisturbed_one(
    tmp_path, monkeypatch
):
    images = composite(60)
    options = TrainOptions(
        architecture="mlp",
        architecture_options=(("widths", "16"),),
        projector="",
        input_size=8,
        epochs=4,
        batch_size=20,
        snapshot_every=0,
        resume_every=2,
    )

    def run(name):
        on_epoch_end = attack_of_six(1, k=5).on_epoch_end(images, CPU, tmp_path / name)
        rows = np.arange(40)
        loop.train(images, rows, options, tmp_path / name, 0, CPU, on_epoch_end=on_epoch_end)

    (tmp_path / "whole").mkdir()
    (tmp_path / "killed").mkdir()
    run("whole")
    write = loop._write_epoch

    def killed(state, *rest):
        if state.epoch == 3:
            raise KeyboardInterrupt
        write(state, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "_write_epoch", killed)
        with pytest.raises(KeyboardInterrupt):
            run("killed")
    run("killed")
    files = [
        {
            str(path.relative_to(tmp_path / name)): path.read_bytes()
            for path in _files(tmp_path / name)
        }
        for name in ("whole", "killed")
    ]
    assert files[0] == files[1]
    assert sum(name.startswith("attack/") for name in files[0]) == 4
    log = files[0]["log.jsonl"].decode().splitlines()
    assert all({"attack", "attack_votes"} <= json.loads(line).keys() for line in log)


def _files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())
