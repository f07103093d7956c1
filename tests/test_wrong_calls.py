"""A sample of the calls of benchmarks/reliability_inputs.py: one sentence, code 2, nothing left."""

import os
from pathlib import Path

import pytest

from imprint.cli import main
from imprint.study.command import COMMANDS
from miniatures import commands, make
from reliability_inputs import cases
from trials import tree

EVERY = 29
"""Prime, so that the sample meets every command and kind of mistake in turn."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make(tmp_path_factory.mktemp("world") / "inputs")
    (folder / "empty.bin").touch()
    (folder / "noise.bin").write_bytes(bytes(range(256)) * 8)
    return folder


def test_wrong_calls_end_in_one_sentence(world, tmp_path, capsys, monkeypatch):
    chosen = list(cases(world))[::EVERY]
    assert len(chosen) > 50
    monkeypatch.chdir(tmp_path)
    for number, case in enumerate(chosen):
        folder = tmp_path / str(number)
        folder.mkdir()
        case.prepare(folder)
        before = tree(folder)
        words = [word.replace("{}", str(folder)) for word in case.words]
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main([*words, "--out", str(folder / "out")] if case.needs_out else words)
        printed = capsys.readouterr().err
        assert left.value.code == 2, case.name
        messages = [line for line in printed.splitlines() if line.startswith("imprint: ")]
        assert messages == printed.splitlines()[-1:], case.name
        assert "Traceback" not in printed, case.name
        assert tree(folder) == before, case.name
    assert os.getcwd() == str(tmp_path)


WITHOUT_INPUTS = ("list ", "coverage study ", "dejavu pool")
"""Commands that only print, that are another command under a second name, that need two studies of
encoders."""


def test_every_command_has_a_miniature():
    named = {name for name in COMMANDS.names() if not name.startswith(WITHOUT_INPUTS)}
    assert named == set(commands(Path()))
