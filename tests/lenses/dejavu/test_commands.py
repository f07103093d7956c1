import json

import numpy as np
import pytest

from imprint.cli import main
from imprint.data.sources.composite import composite
from imprint.nets.fill import initial_model
from imprint.nets.model_card import ModelCard
from imprint.nets.save import save_model
from imprint.study.command import COMMANDS

CARD = ModelCard("mlp", 3, 10, 8, (0.5,), (0.25,), {"widths": "16"})


@pytest.mark.parametrize("name", [name for name in COMMANDS.names() if name.startswith("dejavu ")])
def test_every_command_has_an_example_and_main_options(name):
    command = COMMANDS.get(name)
    assert "--out" in command.example
    assert 9 <= len(command.main) <= 20


def test_the_linear_probe_is_measured_on_members_and_non_members(tmp_path, capsys):
    save_model(tmp_path / "a.safetensors", initial_model(CARD, 0), CARD)
    images = composite(60)
    for name, rows in (("members", range(40)), ("others", range(40, len(images)))):
        np.save(tmp_path / f"{name}.npy", np.array(rows))
    words = ["dejavu", "linear-probe", "--composite-count", "60", "--device", "cpu", "--json"]
    words += ["--model", str(tmp_path / "a.safetensors"), "--out", str(tmp_path / "out")]
    words += ["--members", str(tmp_path / "members.npy"), "--probe.epochs", "1"]
    main([*words, "--non-members", str(tmp_path / "others.npy")])
    accuracies = json.loads(capsys.readouterr().out)
    assert (accuracies["train"]["n"], accuracies["held_out"]["n"]) == (40, 20)
    assert accuracies == json.loads((tmp_path / "out" / "linear_probe.json").read_text())
