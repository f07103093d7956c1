r"""Text for a terminal: what would control it, and what no encoding has, is escaped.

Names of files, labels and tags may hold anything. Printed as they are, some move the cursor, hide a
line, or reverse the order of letters.
"""

from __future__ import annotations

import codecs
import json
import re
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

# C0 and C1 controls, marks of direction, separators of lines, halves of surrogate pairs.
_CONTROLS = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


SPELLED = "imprint.spelled"
"""Error handler of streams: signs that an encoding lacks are spelled, all else is escaped.

Letters as é are escaped, for they stand in names of files."""
_SPELLINGS = {
    "×": "x", "−": "-", "–": "-", "…": "...", "≥": ">=", "≤": "<=", "→": "->", "·": "-",
    "’": "'", "ε": "epsilon", "δ": "delta", "κ": "kappa", "²": "^2", "½": "1/2", "±": "+-",
}  # fmt: skip


def _spell(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    spelled = (_SPELLINGS.get(sign, sign) for sign in lacking)
    return "".join(spelled).encode("ascii", "backslashreplace").decode(), error.end


codecs.register_error(SPELLED, _spell)


def printable(text: str) -> str:
    r"""Return one line of text, its controls escaped as in Python.

    >>> printable("a\x1b[2Jb\nc")
    'a\\x1b[2Jb\\nc'
    """
    return _CONTROLS.sub(lambda match: ascii(match[0])[1:-1], text)


def shorten(text: str, most: int = 2000) -> str:
    """Return text without its middle where it is longer than ``most`` letters."""
    return text if len(text) <= most else f"{text[: most // 2]} … {text[-most // 2 :]}"


def printable_json(value: Any) -> str:
    r"""Return a value as indented JSON, its controls escaped as in JSON.

    >>> printable_json("a\x9bb")
    '"a\\u009bb"'
    """
    lines = json.dumps(value, indent=2, ensure_ascii=False).split("\n")
    return "\n".join(_CONTROLS.sub(lambda match: f"\\u{ord(match[0]):04x}", line) for line in lines)


def safe_console(
    highlight: bool = True, width: int | None = None, file: IO[str] | None = None
) -> Console:
    """Return a console that prints text as it is, its controls escaped.

    Rich would take ``[red]`` in the name of a class for a style, and pass an escape sequence on.

    Args:
        highlight: whether numbers and the like are coloured on a terminal.
        width: columns of a line; None for those of the terminal, 80 where there is none.
        file: where to print; None for standard output.
    """
    from rich.console import Console
    from rich.text import Text

    class SafeConsole(Console):
        def render_str(self, text: str, **options: Any) -> Text:
            lines = (printable(line) for line in text.split("\n"))
            return super().render_str("\n".join(lines), **options)

    return SafeConsole(highlight=highlight, markup=False, emoji=False, width=width, file=file)
