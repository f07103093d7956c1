r"""The one exception a user is meant to read, and the safe text of its message."""

from __future__ import annotations

import re

# C0 and C1 controls, marks of direction, separators of lines, halves of surrogate pairs.
CONTROLS = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


class ImprintError(Exception):
    """A bad path, file, image, box, shape, key or setting.

    The message is one sentence that says what is wrong, where, and what to do. The command
    line prints it and leaves with exit code 2. Whatever a file put into the message, it is one
    line of bounded length without control characters.
    """

    def __init__(self, message: str) -> None:
        super().__init__(shorten(printable(message)))


def printable(text: str) -> str:
    r"""Return one line of text, its controls escaped as in Python.

    >>> printable("a\x1b[2Jb\nc")
    'a\\x1b[2Jb\\nc'
    """
    return CONTROLS.sub(lambda match: ascii(match[0])[1:-1], text)


def shorten(text: str, most: int = 2000) -> str:
    """Return text without its middle where it is longer than ``most`` letters."""
    return text if len(text) <= most else f"{text[: most // 2]} … {text[-most // 2 :]}"


def reason_of(error: BaseException, most: int = 200) -> str:
    r"""Return the first line of what an exception says that is not blank, else its type.

    Exceptions of users' code may fail even at that.

    >>> reason_of(ValueError("\nbad width\nmore")), reason_of(KeyError())
    ('bad width', 'KeyError')
    """
    try:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    except Exception:  # the text of an exception is code of the user as well
        lines = []
    return (lines or [""])[0][:most] or type(error).__name__


def named_reason(error: BaseException) -> str:
    """Return the type of an exception and, where it says anything, its first line.

    >>> named_reason(ValueError("bad width")), named_reason(KeyError())
    ('ValueError: bad width', 'KeyError')
    """
    name, reason = type(error).__name__, reason_of(error)
    return name if reason == name else f"{name}: {reason}"
