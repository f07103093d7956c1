import json

import numpy as np

from imprint.cli import main
from imprint.data.sources.composite import composite
from imprint.data.split import load_partitions
from imprint.lenses.dejavu.study.encoders import SplitImages, TrainEncoder, train_encoders
from imprint.nets.fill import initial_model
from imprint.nets.model_card import ModelCard
from imprint.nets.save import save_model
from imprint.study.step import card_of
from imprint.study.store import Study
from tests.lenses.dejavu.made_networks import DATA, TRAIN

CARD = ModelCard("mlp", 3, 10, 8, (0.5,), (0.25,), {"widths": "16"})


def test_the_split_is_written_as_it_was_drafted(tmp_path):
    images = composite(120)
    step = SplitImages(images, (2, 3), by_boxes=True)
    written, drafted = load_partitions(Study(tmp_path).run(step)), step.partitions()
    for size in (2, 3):
        np.testing.assert_array_equal(written.by_size[size].train_a, drafted.by_size[size].train_a)
    np.testing.assert_array_equal(written.validation, drafted.validation)


def test_an_encoder_is_known_by_its_training_and_not_by_its_name_or_device(tmp_path):
    rows = np.arange(20)
    steps = [
        TrainEncoder(name=name, train=TRAIN, seed=1, indices=rows, held_out=rows, device=device)
        for name, device in (("A", "cpu"), ("base/A", "cuda"))
    ]
    assert card_of(steps[0]) == card_of(steps[1])
    assert [step.artefact for step in steps] == ["models/A", "models/base/A"]


def test_encoders_that_are_there_are_not_trained_again(tmp_path, monkeypatch):
    images = composite(200, 0.9)
    study = Study(tmp_path)
    study.run(SplitImages(images, (4,), by_boxes=True))
    rows = np.arange(20)
    step = TrainEncoder(name="A", train=TRAIN, seed=1, indices=rows, held_out=rows)
    tasks = []
    module = "imprint.lenses.dejavu.study.encoders.run_tasks"
    monkeypatch.setattr(module, lambda function, missing, *_, **__: tasks.extend(missing))
    train_encoders(study, [step], images, DATA, 0)
    assert [task[-1].name for task in tasks] == ["A"]
    monkeypatch.setattr(Study, "is_done", lambda *_: True)
    train_encoders(study, [step], images, DATA, 0)
    assert len(tasks) == 1


def test_the_linear_probe_is_measured_on_members_and_non_members(tmp_path, capsys):
    save_model(tmp_path / "a.safetensors", initial_model(CARD, 0), CARD)
    images = composite(60)
    for name, rows in (("members", range(40)), ("others", range(40, len(images)))):
        np.save(tmp_path / f"{name}.npy", np.array(rows))
    words = ["dejavu", "linear-probe", "--composite-count", "60", "--device", "cpu"]
    words += ["--model", str(tmp_path / "a.safetensors"), "--out", str(tmp_path / "out")]
    words += ["--members", str(tmp_path / "members.npy"), "--probe.epochs", "1"]
    words += ["--non-members", str(tmp_path / "others.npy")]
    main(words)
    printed = capsys.readouterr()
    assert [line.split()[:3] for line in printed.out.splitlines()[3:]] == [
        ["a", "members", "40"],
        ["a", "non-members", "20"],
    ]
    assert printed.err.endswith(f"results: {tmp_path / 'out'}\n")
    main([*words, "--json"])
    accuracies = json.loads(capsys.readouterr().out)
    assert (accuracies["train"]["n"], accuracies["held_out"]["n"]) == (40, 20)
    assert accuracies == json.loads((tmp_path / "out" / "linear_probe.json").read_text())
