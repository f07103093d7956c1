"""What a shell completes, asked of bash itself, and how its script is installed."""

import os
import shutil
import subprocess
import sys

import pytest

from imprint.cli import main
from imprint.cli.completion import completions, install, script
from imprint.core.errors import ImprintError


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["aud"], ["audit"]),
        (["leave-one-out", "f"], ["fit"]),
        (["data", "s"], ["split"]),
        (["list", "att"], ["attacks", "attributions"]),
        (["train", "--train.epo"], ["--train.epochs"]),
        (["train", "--device", ""], ["auto", "cpu", "cuda", "mps"]),
        (["train", "--device", "=", "c"], ["cpu", "cuda"]),
        (["train", "--config", "vic"], ["vicreg_resnet101", "vicreg_resnet50"]),
        (["audit", "--no-link"], []),
        (["audit", "--no-lin"], ["--no-linear-probe"]),
        (["train", "--data", ""], []),
        (["nothing", "--"], []),
    ],
)
def test_the_last_word_is_completed(words, expected):
    assert completions(words) == expected


def test_every_command_is_offered_first():
    assert {"audit", "coverage", "data", "dejavu", "list", "train"} <= set(completions([""]))


@pytest.fixture
def program(tmp_path):
    """Give a folder in which ``imprint`` is a program."""
    file = tmp_path / "imprint"
    file.write_text(f'#!/bin/sh\nexec {sys.executable} -m imprint "$@"\n')
    file.chmod(0o755)
    return tmp_path


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("imprint dejavu two", "two-model"),
        ("imprint report --pl", "--plots"),
        ("imprint train --device cu", "cuda"),
        ("imprint train --device=cu", "cuda"),
    ],
)
def test_bash_completes_a_line(program, line, expected):
    ask = f"""
        source <(imprint --print-completion bash)
        COMP_LINE={line!r}
        COMP_POINT=${{#COMP_LINE}}
        COMP_WORDS=({line.replace("=", " = ")})
        COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        _imprint
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    environment = {**os.environ, "PATH": f"{program}:{os.environ['PATH']}"}
    answer = subprocess.run(
        ["bash", "-c", ask], env=environment, capture_output=True, text=True, check=True
    )
    assert answer.stdout.split() == [expected], answer.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_installed_where_the_shell_looks(shell, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    sentence = install(shell)
    (file,) = (path for path in tmp_path.rglob("*") if path.is_file())
    assert sentence.startswith(f"{file}: written")
    assert file.read_text() == script(shell) + "\n"
    with pytest.raises(SystemExit) as left:
        main(["--print-completion", shell])
    assert left.value.code == 0
    assert capsys.readouterr().out == file.read_text()


def test_the_shell_is_that_of_the_user_unless_named(monkeypatch):
    monkeypatch.setenv("SHELL", "/usr/bin/fish")
    assert script("") == script("fish")
    with pytest.raises(ImprintError, match="no completion for the shell 'tcsh'"):
        script("tcsh")
