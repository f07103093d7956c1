from imprint.core.errors import ImprintError, named_reason, reason_of, shorten


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


def test_the_reason_of_an_exception_is_its_first_line():
    assert reason_of(ValueError("a\nb")) == "a"
    assert reason_of(ValueError()) == named_reason(ValueError()) == "ValueError"
    assert named_reason(ValueError("a" * 1000)) == "ValueError: " + "a" * 200


def test_an_exception_that_cannot_be_printed_has_its_type_as_reason():
    class Silent(Exception):
        def __str__(self):
            raise RuntimeError

    assert named_reason(Silent()) == "Silent"
