"""Settings of the published leave-one-out programs, and the table of all their flags."""

import json
import re
from pathlib import Path

import pytest
import yaml

from imprint.cli import main
from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.published_flags import PROGRAMS
from imprint.lenses.leave_one_out.published_settings import (
    flags_of_command_line,
    translate_flags,
)
from imprint.study.command import COMMANDS
from imprint.study.config import parse

TABLE = Path(__file__).parents[3] / "docs" / "published_flags.md"
README = (
    "python3 nt_opt_query.py --DATASET_SIZE 10000 --DATASET_TYPE balanced --PRIV_LOSS_TYPE kl "
    "--ARCHITECTURE FC --DEPTH 5 --QUERY_SIZE 1 --NUM_DIFFER 1 --LEARNING_RATE 3 --NUM_RUNS 1 "
    "--REG_CONST 0.1 --DIFFER_TYPE oneclass --NUM_ITERS 600 --INTER_QUERY False --NORM independent "
    "--OPT_NORM False --NUM_CLASSES 2 --FIX_DIFFER False --logdir log_gap"
)
COMMANDS_OF = {
    "query": ("optimise", "landscape", "augment"),
    "points": ("fit", "landscape"),
    "training": ("retrain",),
}


def test_the_command_of_the_publication_becomes_the_packaged_recipe(tmp_path, capsys) -> None:
    (tmp_path / "run.sh").write_text(README.replace(" --DEPTH", " \\\n  --DEPTH"))
    words = ["convert", "--checkpoint", str(tmp_path / "run.sh"), "--json", "--out", str(tmp_path)]
    main(words)
    told = json.loads(capsys.readouterr().out)
    kind = COMMANDS.get("leave-one-out optimise").options
    found, recipe = (
        vars(parse(kind, ["--config", each, "--out", "x"], "test"))
        for each in (told["config"], "lood_query")
    )
    different = {name for name in found if found[name] != recipe[name]}
    # The published data set was the whole pool, so that the removed record was a copy of its own.
    assert different <= {"records", "w_std", "b_std"}
    assert found["w_std"] == pytest.approx(2**0.5)
    assert (tmp_path / "run.yaml").read_text().startswith("# imprint leave-one-out optimise")
    for flag in ("logdir", "OPT_NORM"):
        assert any(note.startswith(f"{flag}: ") for note in told["notes"])


@pytest.mark.parametrize(
    ("given", "command", "options"),
    [
        ({"DATASET_SIZE": 90}, "landscape", {"noise_lines": 1, "noise_steps": 300}),
        ({"INTER_QUERY": "Augment", "DEPTH": 3, "NUM_RUNS": 2}, "augment", {"depth": 3}),
        ({"AUGMENT": 6, "AUG_STEP": 3}, "augment", {"copies": 6, "copy_step": 3}),
        (
            {"INTER_QUERY": False, "PRIV_LOSS_TYPE": "mse", "DIFFER_TYPE": "noise"},
            "optimise",
            {"objective": "mean_distance", "domain": "sphere", "removed_kind": "noise"},
        ),
        (
            {"DATASET_TYPE": "oneclass", "DIFFER_TYPE": "sameclass"},
            "landscape",
            {"composition": "one_class", "removed_kind": "same_class"},
        ),
        ({"INTER_QUERY": False, "FIX_DIFFER": "True"}, "optimise", {"removed": 1}),
        ({"ARCHITECTURE": "RBF", "NUM_ITERS": 9}, "landscape", {"kernel": "rbf"}),
        ({"TASK": "log_point", "ACT": "gelu"}, "fit", {"activation": "gelu", "scaling": "unit"}),
        ({"TASK": "log_landscape"}, "landscape", {"half_length": 0.1132, "steps_per_side": 50}),
        ({"num_epochs": 100, "lr": 0.01}, "retrain", {"activation": "relu", "pairs": 100}),
        (
            {"base_path": "./models_in_gelu_NTK/", "hidden_size": 9},
            "retrain",
            {"activation": "gelu", "w_std": 1.9822},
        ),
    ],
)
def test_settings_become_options_that_a_command_takes(tmp_path, given, command, options) -> None:
    translated = translate_flags(given, "x")
    assert translated.command == f"leave-one-out {command}"
    for name, value in options.items():
        assert translated.options[name] == value
    (tmp_path / "o.yaml").write_text(yaml.safe_dump(translated.options))
    kind = COMMANDS.get(translated.command).options
    parse(kind, ["--config", str(tmp_path / "o.yaml"), "--out", "x"], "test")


def test_the_schedule_of_networks_drops_where_it_did() -> None:
    train = translate_flags({"num_epochs": 50, "batch_size": 64}, "x").options["train"]
    assert train["drops"] == [0.5, 0.7, 0.9]
    given = {"num_epochs": 40, "lr_schedule": "min_jump_pt=10,jump_freq=20,power=0.1"}
    assert translate_flags(given, "x").options["train"]["drops"] == [0.25, 0.75]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"DATASET_SIZE": 9, "DEPTH": 2, "SPEED": 1}, "x: unknown flag 'SPEED'"),
        (
            {"ACT": "tanh", "TASK": "log_point"},
            "ACT is 'tanh': the published values are",
        ),
        ({"NUM_ITERS": "many", "DEPTH": 2}, "NUM_ITERS is 'many', expected a whole number"),
        ({"REG_CONST": "nan", "DEPTH": 2}, "REG_CONST is 'nan', expected a finite number"),
        ({"num_epochs": 9, "lr_schedule": {"power": 0.5}}, "lr_schedule has power 0.5"),
        ({"num_epochs": 9, "lr_schedule": [3]}, "a value has the wrong type"),
        ({"num_epochs": 10**12, "lr": 0.1}, "lr_schedule drops 99999999998 times"),
    ],
)
def test_what_has_no_counterpart_is_refused(given, message) -> None:
    with pytest.raises(ImprintError, match=message):
        translate_flags(given, "x")


def test_settings_of_another_program_are_left_to_it() -> None:
    assert translate_flags({"model": {}, "training": {}}, "x") is None
    assert translate_flags({}, "x") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [("--DEPTH '5", "cannot be read"), ("--DEPTH --ACT relu", "--DEPTH has no value")],
)
def test_a_command_line_that_cannot_be_read_is_refused(text, message) -> None:
    with pytest.raises(ImprintError, match=message):
        flags_of_command_line(text)


def test_a_text_without_flags_is_refused(tmp_path, capsys) -> None:
    (tmp_path / "a.txt").write_text("nothing of note")
    with pytest.raises(SystemExit):
        main(["convert", "--checkpoint", str(tmp_path / "a.txt"), "--out", str(tmp_path / "o")])
    assert "no flags of a published leave-one-out program" in capsys.readouterr().err


def test_the_table_holds_every_published_flag_with_its_default() -> None:
    text = TABLE.read_text().split("## Leave-one-out")[1]
    sections = dict(zip(PROGRAMS, re.split(r"\n### ", text)[1:], strict=False))
    for name, program in PROGRAMS.items():
        rows = {
            cells[0].strip(): [cell.strip() for cell in cells]
            for line in sections[name].splitlines()
            if line.startswith("| ") and len(cells := line.strip("|").split("|")) == 4
        }
        published = {flag for flag in (*program.defaults, *program.elsewhere) if flag[-1] != "_"}
        assert published <= set(rows), name
        for flag, default in program.defaults.items():
            if default is not None:
                assert rows[flag][1] == f"{default:g}" if isinstance(default, float) else True, flag
                assert rows[flag][1] != "", flag
