r"""Text for a terminal: what would control it, and what no encoding has, is escaped.

Names of files, labels and tags may hold anything. Printed as they are, some move the cursor, hide a
line, or reverse the order of letters.
"""

from __future__ import annotations

import codecs
import json
from typing import IO, TYPE_CHECKING, Any

from imprint.core.errors import CONTROLS, printable

if TYPE_CHECKING:
    from rich.console import Console

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


def printable_json(value: Any) -> str:
    r"""Return a value as indented JSON, its controls escaped as in JSON.

    >>> printable_json("a\x9bb")
    '"a\\u009bb"'
    """
    lines = json.dumps(value, indent=2, ensure_ascii=False).split("\n")
    return "\n".join(CONTROLS.sub(lambda match: f"\\u{ord(match[0]):04x}", line) for line in lines)


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

    # In a notebook, rich would show tables as HTML of its own and leave the file empty.
    return SafeConsole(
        highlight=highlight,
        markup=False,
        emoji=False,
        width=width,
        file=file,
        force_jupyter=False,
    )
