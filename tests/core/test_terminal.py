import io

from imprint.core.errors import printable
from imprint.core.terminal import SPELLED, printable_json, safe_console

HOSTILE_NAME = "\x1b[2Jcat\u202e[red]<b>"


def test_text_for_the_terminal_and_json_for_a_program():
    assert printable("a\tb\x9b\ud800é") == r"a\tb\x9b\ud800é"
    assert printable_json({"a\x9b": "\u202e"}) == '{\n  "a\\u009b": "\\u202e"\n}'


def test_tables_show_names_as_they_are(capsys):
    safe_console().print(HOSTILE_NAME)
    assert capsys.readouterr().out == r"\x1b[2Jcat\u202e[red]<b>" + "\n"


def test_signs_that_an_encoding_lacks_are_spelled():
    line = "ε ≥ 0.5, 32 × 32 px, −3 … é 日"
    assert line.encode("ascii", SPELLED) == (rb"epsilon >= 0.5, 32 x 32 px, -3 ... \xe9 \u65e5")
    assert line.encode("utf-8", SPELLED) == line.encode()


def test_text_goes_to_its_file_in_a_notebook_too(monkeypatch):
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    file = io.StringIO()
    safe_console(width=20, file=file).print("a table")
    assert file.getvalue() == "a table\n"
