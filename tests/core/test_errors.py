from imprint.core.errors import ImprintError, shorten


def test_a_message_is_one_line_without_control_characters():
    assert str(ImprintError("bad name\n\x1b[2Jx")) == r"bad name\n\x1b[2Jx"


def test_a_long_message_is_cut_in_its_middle():
    message = str(ImprintError("a" * 5000 + "z"))
    assert len(message) < 2010
    assert message[0] == "a"
    assert message[-1] == "z"
    assert " … " in message


def test_short_text_stays_as_it_is():
    assert shorten("abc") == "abc"
    assert len(shorten("x" * 10_000)) < 2010
