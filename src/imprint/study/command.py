"""A command: a dataclass of options with a ``run``, registered under its words.

A lens keeps its commands in ``lenses/LENS/commands.py``, and those that call them under the names
of published studies in ``lenses/LENS/study_commands.py``; those of no lens stand in ``commands/``.
No list elsewhere names them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from imprint.core.registry import Registry

Options = TypeVar("Options", bound=type[Any])


@dataclass(frozen=True)
class Command:
    """One command of the tree.

    Attributes:
        options: the dataclass of its options; ``run`` does the work.
        summary: what it does, as the list of commands shows it.
        example: options of a run that makes sense, as typed behind the command's name.
        main: names of the options that its short help shows, dotted where nested; empty for the
            required ones and those of its own class.
        operand: name of an option whose value may stand right behind the command, without a flag.
    """

    options: type[Any]
    summary: str
    example: str = ""
    main: tuple[str, ...] = ()
    operand: str = ""

    def spelled_out(self, words: Sequence[str]) -> list[str]:
        """Return the words behind the command's name with the flag of the operand before it."""
        has_operand = self.operand and words and not words[0].startswith("-")
        return [*([f"--{self.operand}"] if has_operand else []), *words]


_WORDS: dict[type, str] = {}
COMMANDS: Registry[Command] = Registry(
    "command",
    "imprint.commands",
    "imprint.lenses.*.commands",
    "imprint.lenses.*.study_commands",
)
MOST_WORDS = 3
"""Of the name of a command."""


def command(
    words: str,
    summary: str,
    *,
    example: str = "",
    main: tuple[str, ...] = (),
    operand: str = "",
) -> Callable[[Options], Options]:
    """Return a decorator that enters a dataclass of options as the command called ``words``.

    See :class:`Command` for the arguments.
    """

    def enter(options: Options) -> Options:
        COMMANDS.register(words)(Command(options, summary, example, main, operand))
        _WORDS[options] = words
        return options

    return enter


def name_in(words: Sequence[str]) -> str | None:
    """Return the command whose name words begin with, the longest; None where they name none."""
    names = COMMANDS.names()
    for length in range(min(MOST_WORDS, len(words)), 0, -1):
        if (name := " ".join(words[:length])) in names:
            return name
    return None


def words_of(options: type) -> str | None:
    """Return the words of the command that a dataclass of options is; None where it is none."""
    return _WORDS.get(options)
