import shlex
import subprocess
import sys

import pytest

from imprint.cli import main
from imprint.study.command import COMMANDS
from imprint.study.config import parse
from imprint.study.options import Common

HEAVY = ("torch", "numpy", "scipy", "sklearn", "pyarrow", "matplotlib", "PIL")


@pytest.mark.parametrize(
    "words", [[], ["--help"], ["dejavu"], *[[*name.split(), "--help"] for name in COMMANDS.names()]]
)
def test_help_imports_nothing_heavy(words):
    script = (
        "import sys; from imprint.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit as left:\n    code = left.code\n"
        f"print('LOADED', [name for name in {HEAVY!r} if name in sys.modules], code)"
    )
    command = [sys.executable, "-c", script, *words]
    output = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "LOADED []" in output.stdout, output.stderr
    assert output.stdout.splitlines()[-1].endswith(" 0" if "--help" in words else " 2")


@pytest.mark.parametrize("name", COMMANDS.names())
def test_every_command_has_the_common_options(name, capsys):
    with pytest.raises(SystemExit) as left:
        main([*name.split(), "--help"])
    assert left.value.code == 0
    help_text = capsys.readouterr().out
    flags = ("--out", "--seed", "--device", "--[no-]json")
    for flag in flags if issubclass(COMMANDS.get(name).options, Common) else flags[-1:]:
        assert flag in help_text
    for flag in ("--config", "--quiet", "--verbose"):
        assert flag in help_text


OF_STUDIES = [name for name in COMMANDS.names() if issubclass(COMMANDS.get(name).options, Common)]


@pytest.mark.parametrize("name", OF_STUDIES)
def test_the_example_of_a_command_is_accepted(name, capsys):
    parse(COMMANDS.get(name).options, shlex.split(COMMANDS.get(name).example), name)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["audti"], "unknown command 'audti'"),
        (["dejavu", "nothing"], "unknown command 'dejavu nothing'"),
        (["audit", "--config", "/nowhere.yaml"], "cannot read the config /nowhere.yaml"),
    ],
)
def test_mistakes_are_one_sentence_and_leave_with_2(words, message, capsys):
    with pytest.raises(SystemExit) as left:
        main(words)
    assert left.value.code == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_version(capsys):
    with pytest.raises(SystemExit) as left:
        main(["--version"])
    assert left.value.code == 0
    assert capsys.readouterr().out.startswith("imprint 0.")
