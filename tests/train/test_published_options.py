"""The settings of the published trainer, and the table of all its flags."""

import dataclasses
import json
import re
from pathlib import Path
from typing import get_type_hints

import pytest
import yaml

from imprint.cli import main
from imprint.commands.train import TrainNetwork
from imprint.core.errors import ImprintError
from imprint.recipes import recipe_names
from imprint.study.command import COMMANDS
from imprint.study.config import parse
from imprint.train.objective import OBJECTIVES
from imprint.train.published_options import DEAD, DEFAULTS, ELSEWHERE, translate

TABLE = Path(__file__).parents[2] / "docs" / "published_flags.md"
SHIPPED = {
    "model": {"arch": "resnet101", "remove_head": 0, "fc": 0, "proj_relu": 0, "mlp_coeff": 1},
    "resolution": {"min_res": 160, "max_res": 192, "start_ramp": 70, "end_ramp": 85},
    "data": {"num_workers": 10, "in_memory": 1},
    "attack": {"k": 20, "k_attk": 20},
    "logging": {"folder": "/logs", "log_level": 2, "checkpoint_freq": 5, "snapshot_freq": 50},
    "validation": {"resolution": 256, "lr_tta": False},
    "lr": {"lr": 1.7, "lr_schedule_type": "cyclic"},
}
TRAINING = {
    "batch_size": 128, "num_small_crops": 0, "optimizer": "lars", "momentum": 0.9,
    "weight_decay": 1e-6, "epochs": 1000, "label_smoothing": 0, "distributed": 1, "bn_wd": 0,
}  # fmt: skip
RUNS = {
    "vicreg": ({"mlp": "8192-8192-8192"}, {"base_lr": 0.2, "eval_freq": 50}),
    "simclr": ({"mlp": "2048-256"}, {"base_lr": 0.3, "eval_freq": 100}),
    "supervised": ({"mlp": "8192-8192-8192"}, {"base_lr": 0.2, "eval_freq": 25}),
}


def shipped(loss: str) -> dict:
    model, training = RUNS[loss]
    return {
        **SHIPPED,
        "model": {**SHIPPED["model"], **model},
        "training": {**TRAINING, **training, "loss": loss},
    }


@pytest.mark.parametrize("loss", RUNS)
def test_a_shipped_file_becomes_the_packaged_recipe(tmp_path, capsys, loss) -> None:
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(shipped(loss)))
    words = ["convert", "--checkpoint", str(tmp_path / "params.yaml"), "--json"]
    main([*words, "--out", str(tmp_path / "out")])
    told = json.loads(capsys.readouterr().out)
    config = ["--config", told["config"], "--out", "x"]
    recipe = ["--config", f"{loss}_resnet101", "--out", "x"]
    found, expected = (parse(TrainNetwork, each, "test").train for each in (config, recipe))
    as_numbers = [
        {key: float(value) for key, value in each.objective_options} for each in (found, expected)
    ]
    assert as_numbers[0] == as_numbers[1]
    assert dataclasses.replace(found, objective_options=()) == dataclasses.replace(
        expected, objective_options=()
    )
    assert len(told["notes"]) == 12
    assert any("lr.lr: it did nothing in the published trainer" in note for note in told["notes"])


def test_settings_left_out_have_their_published_defaults_and_dotted_keys_are_read() -> None:
    train = translate({"training.loss": "dino", "training.num_small_crops": 6}, "x").options[
        "train"
    ]
    assert (train["architecture"], train["projector"]) == ("resnet50", "2048-512")
    assert (train["epochs"], train["batch_size"], train["optimizer"]) == (30, 4096, "adamw")
    assert train["objective_options"] == {
        "teacher_temperature_start": 0.04, "teacher_temperature": 0.07, "teacher_warmup": 1.0,
        "student_temperature": 0.1, "centre_momentum": 0.9, "momentum": 0.996, "small_crops": 6,
    }  # fmt: skip
    assert "momentum" not in train
    sgd = {"training.optimizer": "sgd", "training.momentum": 0.5, "training.loss": "barlow"}
    train = translate(sgd, "x").options["train"]
    assert (train["momentum"], train["objective"]) == (0.5, "barlow_twins")


@pytest.mark.parametrize("loss", ["vicreg", "simclr", "barlow", "byol", "dino", "supervised"])
def test_every_published_loss_becomes_options_that_imprint_takes(tmp_path, loss) -> None:
    options = translate({"training.loss": loss}, "x").options
    (tmp_path / "o.yaml").write_text(yaml.safe_dump(options))
    train = parse(TrainNetwork, ["--config", str(tmp_path / "o.yaml"), "--out", "x"], "test").train
    kind = OBJECTIVES.get(train.objective)
    assert {key for key, _ in train.objective_options} <= {
        field.name for field in dataclasses.fields(kind.Options)
    }


@pytest.mark.parametrize(
    ("given", "projector"),
    [
        ({"model.mlp": "64-32", "model.mlp_coeff": 2}, "128-32"),
        ({"model.mlp": "64-32", "model.proj_relu": 1}, "rectified:64-32"),
        ({"model.remove_head": 1}, ""),
        ({"model.mlp": "64"}, "64"),
    ],
)
def test_the_projector(given, projector) -> None:
    assert translate(given, "x").options["train"]["projector"] == projector


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"training.epoch": 3}, r"p: unknown key 'training\.epoch'"),
        ({"model.fc": 1}, r"model\.fc = 1 puts a linear layer of 256"),
        ({"training.loss": "moco"}, r"training\.loss is 'moco': the published ones are vicreg, "),
        ({"training.epochs": "many"}, "p: a value has the wrong type"),
    ],
)
def test_what_has_no_counterpart_is_refused(given, message) -> None:
    with pytest.raises(ImprintError, match=message):
        translate(given, "p")


def test_a_file_that_holds_no_settings_is_rejected(tmp_path, capsys) -> None:
    (tmp_path / "params.json").write_text("[1]")
    with pytest.raises(SystemExit):
        main(["convert", "--checkpoint", str(tmp_path / "params.json"), "--out", str(tmp_path)])
    assert "must hold sections of keys and values" in capsys.readouterr().err


def test_published_settings_as_options_name_the_command_that_converts_them(
    tmp_path, capsys
) -> None:
    file = tmp_path / "params.yaml"
    file.write_text(yaml.safe_dump(shipped("vicreg")))
    with pytest.raises(ImprintError, match=r"published déjà vu trainer: imprint convert --checkp"):
        parse(TrainNetwork, ["--config", str(file), "--out", "x"], "test")
    with pytest.raises(SystemExit):
        main(["convert", "--checkpoint", str(file), "--out", str(tmp_path)])
    assert "would be overwritten: choose another --name" in capsys.readouterr().err
    assert yaml.safe_load(file.read_text()) == shipped("vicreg")


def rows(heading: str) -> list[list[str]]:
    text = TABLE.read_text().split(f"## {heading}")[1].split("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def test_the_table_holds_every_published_key_with_its_default() -> None:
    keys = {row[0]: row for row in rows("Training") if "." in row[0]}
    assert keys.keys() == {*DEFAULTS, *ELSEWHERE, *DEAD}
    for key, default in DEFAULTS.items():
        written = keys[key][1]
        assert written == str(default) or float(written) == float(default), key
    for key in DEAD:
        assert keys[key][2] == "—"
        assert re.search("did nothing|read by nobody", keys[key][3])


def option_exists(command: str, flag: str) -> bool:
    if flag == "--config":
        return True
    kind = COMMANDS.get(command).options
    for part in flag.removeprefix("--").replace("-", "_").split("."):
        if not dataclasses.is_dataclass(kind):
            return False
        kind = get_type_hints(kind).get(part)
        if kind is None:
            return False
    return True


def test_the_check_of_options_can_fail() -> None:
    assert option_exists("train", "--train.resolution.end-epoch")
    assert not option_exists("train", "--train.resolution.end")
    assert not option_exists("train", "--data.k")


def test_every_option_in_the_table_exists() -> None:
    text = TABLE.read_text()
    named = re.findall(r"`imprint ((?:[a-z-]+ )+)(--[\w.-]+)", text)
    assert len(named) > 90
    missing = [pair for pair in named if not option_exists(pair[0].strip(), pair[1])]
    assert missing == []
    settings = re.findall(r"`(\w+): (\w+)=`", text)
    assert len(settings) == 15
    for objective, setting in settings:
        known = {field.name for field in dataclasses.fields(OBJECTIVES.get(objective).Options)}
        assert setting in known, (objective, setting)
    for line in text.splitlines():
        if line.startswith("| ") and not line.startswith("| published"):
            assert re.search("—|`imprint |`[a-z_]+: ", line.split("|")[3]), line


def test_the_recipes_in_the_table_are_all_there_are() -> None:
    text = TABLE.read_text()
    named = {name for name in recipe_names() if f"`{name}`" in text or f"--config {name}`" in text}
    assert named == {name for name in recipe_names() if not re.match(r"\w+_resnet50", name)} | {
        "crop_classifier_resnet50"
    }
