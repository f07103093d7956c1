"""The help of a command: its main options on one screen, or all of them.

Written here rather than by tyro, whose help of ``imprint audit`` is some 800 lines.
"""

from __future__ import annotations

import dataclasses
import re
import textwrap
from collections.abc import Iterable
from typing import Any

from imprint.recipes import recipes_for
from imprint.study.command import Command
from imprint.study.old_names import renamed_keys
from imprint.study.option_tree import Option, groups_of, options_of, to_flag
from imprint.study.options import Common

WIDTH = 80
INDENT = 26
MAX_MAIN_OPTIONS = 18
MAX_LINES_OF_AN_OPTION = 3
MAX_LINES = 58
"""Of short help, so that it fits a tall terminal with the prompt below."""
MAX_UNBROKEN = 5
"""Items of a default that are shown as typed; more are spaced, so that lines can break."""
MAIN_TITLE = ("", "main options:")
_SENTENCE_END = re.compile(r"(?<! al)\.(?= [A-Z])")
GLOBAL_OPTIONS = (
    ("--config FILE|RECIPE", "options from YAML or a recipe; may be repeated"),
    ("--quiet", "print errors only (with --json also the findings)"),
    ("--verbose", "report each step: already done, or its seconds"),
    ("--trust-code", "allow functions that a card or a YAML file names"),
    ("--debug", "print the traceback of an error"),
)
"""Options that no dataclass holds, since no result depends on them."""


def short_help(words: str, command: Command) -> str:
    """Return the help of a command on one screen: usage, an example, its main options.

    Args:
        words: the command's name.
        command: the command.
    """
    main = main_options(command)
    common = [option for option in options_of(command.options) if option.owner is Common]
    common = [option for option in common if option not in main]
    head = _head(words, command)
    foot = ["", "of every command:", *_lines(common, True), *_global_lines(words), ""]
    rest = len(_rest(words, command, len(common)).splitlines())
    room = MAX_LINES - len(head) - len(foot) - rest - len(MAIN_TITLE)
    lines: list[str] = []
    shown = len(common)
    for option in main:
        more = _option_lines(option, True)
        if len(lines) + len(more) > room:
            break
        lines += more
        shown += 1
    return "\n".join([*head, *MAIN_TITLE, *lines, *foot, _rest(words, command, shown)])


def full_help(words: str, command: Command) -> str:
    """Return the help of a command with every option, its range and its old spellings."""
    parts = _head(words, command)
    description = textwrap.dedent(command.options.__doc__ or "").strip()
    rest = description.partition("\n\n")[2]
    if rest:
        parts += ["", *_paragraphs(rest)]
    options = options_of(command.options)
    parts += ["", "options:", *_lines([each for each in options if len(each.path) == 1], False)]
    for group in groups_of(command.options):
        parts += ["", *textwrap.wrap(f"--{group.path[0].replace('_', '-')}.… {group.help}", WIDTH)]
        inner = [option for option in options if option.path[0] == group.path[0]]
        parts += _lines(inner, False)
    return "\n".join([*parts, "", "of every command:", *_global_lines(words)])


def main_options(command: Command) -> list[Option]:
    """Return the options that short help shows.

    They are those the command names, else the required ones and then those of its own class and
    of the nearest classes above it, but for the groups of nested options.
    """
    options = options_of(command.options)
    by_name = {".".join(option.path): option for option in options}
    if command.main:
        current = renamed_keys(command.options)
        return [by_name[current.get(name, name)] for name in command.main]
    flat = [
        option
        for option in options
        if len(option.path) == 1 and option.owner is not Common and option.name != "out"
    ]
    nearness = {owner: rank for rank, owner in enumerate(command.options.__mro__)}
    flat.sort(key=lambda option: (not option.is_required, nearness[option.owner]))
    return [each for each in options if each.name == "out"] + flat[:MAX_MAIN_OPTIONS]


def _head(words: str, command: Command) -> list[str]:
    required = [each for each in options_of(command.options) if each.is_required]
    usage = " ".join(["imprint", words, *(each.spelled for each in required), "[options]"])
    lines = [
        *textwrap.wrap(f"usage: {usage}", WIDTH, subsequent_indent="    "),
        "",
        *textwrap.wrap(_first_sentence(command), WIDTH, break_on_hyphens=False),
    ]
    if command.example:
        example = f"imprint {words} {command.example}"
        first, *more = _wrap_command(example, WIDTH - 6)
        pieces = [f"  {first}", *(f"    {piece}" for piece in more)]
        lines += ["", *(f"{piece} \\" for piece in pieces[:-1]), pieces[-1]]
    return lines


def _first_sentence(command: Command) -> str:
    paragraph = textwrap.dedent(command.options.__doc__ or "").strip().partition("\n\n")[0]
    return " ".join(paragraph.split()) or command.summary


def _wrap_command(text: str, width: int) -> list[str]:
    """Return a command in lines that break before a flag alone."""
    pieces = text.replace(" --", "\0--").split("\0")
    lines = [pieces[0]]
    for piece in pieces[1:]:
        if len(lines[-1]) + 1 + len(piece) <= width:
            lines[-1] += f" {piece}"
        else:
            lines.append(piece)
    return lines


def _paragraphs(text: str) -> list[str]:
    lines: list[str] = []
    for paragraph in textwrap.dedent(text).split("\n\n"):
        lines += [*textwrap.wrap(" ".join(paragraph.split()), WIDTH, break_on_hyphens=False), ""]
    return lines[:-1]


def _lines(options: Iterable[Option], is_short: bool) -> list[str]:
    return [line for option in options for line in _option_lines(option, is_short)]


def _option_lines(option: Option, is_short: bool) -> list[str]:
    text = option.help
    if is_short:
        text = _SENTENCE_END.split(text)[0].rstrip(".")
    spelled, details = option.spelled, _details(option, is_short)
    if len(spelled) > WIDTH - INDENT and option.choices:
        spelled = f"{option.flag} NAME"
        details = "; ".join(filter(None, [", ".join(option.choices), details]))
    return _entry(spelled, text, details, MAX_LINES_OF_AN_OPTION if is_short else None)


def _entry(spelled: str, text: str, details: str = "", max_lines: int | None = None) -> list[str]:
    """Return a flag, what it does and, in brackets, details, in two columns.

    Where there is no room for all, the text is cut short rather than the details.
    """
    indent = " " * INDENT
    words = text.split()
    lines = _wrap(words, details)
    while max_lines is not None and len(lines) > max_lines and words:
        words.pop()
        lines = _wrap([*words, "…"], details)
    head = f"  {spelled}"
    if len(head) + 2 <= INDENT:
        return [f"{head:<{INDENT}}{lines[0]}", *(indent + line for line in lines[1:])]
    return [head, *(indent + line for line in lines)]


def _wrap(words: list[str], details: str) -> list[str]:
    text = " ".join(words)
    if details and text.endswith(")"):
        text = f"{text[:-1]}; {details})"
    elif details:
        text = f"{text} ({details})".strip()
    return textwrap.wrap(text, WIDTH - INDENT, break_long_words=False, break_on_hyphens=False)


def _details(option: Option, is_short: bool) -> str:
    details = []
    if option.is_required:
        details.append("required")
    if option.bounds is not None and not is_short:
        details.append(option.bounds.describe())
    default = default_text(option.default)
    if default:
        details.append(f"default {default}")
    if option.old_paths and not is_short:
        old = ", ".join(map(to_flag, option.old_paths))
        details.append(f"formerly {old}")
    return "; ".join(details)


def default_text(value: Any) -> str:
    """Return a default as on the command line; empty for none, nothing and False."""
    if value is dataclasses.MISSING or value is None or value is False or value in ((), ""):
        return ""
    if value is True:
        return "on"
    if isinstance(value, tuple):
        return (", " if len(value) > MAX_UNBROKEN else ",").join(map(default_text, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _global_lines(words: str) -> list[str]:
    lines = [line for flag, text in GLOBAL_OPTIONS for line in _entry(flag, text)]
    recipes = recipes_for(words)
    if recipes:
        indent = " " * INDENT
        text = f"recipes: {', '.join(recipes)}"
        lines[1:1] = textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent)
    return lines


def _rest(words: str, command: Command, shown: int) -> str:
    hidden = len(options_of(command.options)) - shown
    if hidden <= 0:
        return f"Ranges and old spellings: imprint {words} --help-all"
    groups = [f"--{group.path[0].replace('_', '-')}.…" for group in groups_of(command.options)]
    flags = {option.flag for option in options_of(command.options)}
    named = [*(["--launcher"] if "--launcher" in flags else []), *groups]
    among = f", among them {', '.join(named)}" if named else ""
    text = f"{hidden} more option{'s' if hidden > 1 else ''}{among}: imprint {words} --help-all"
    return textwrap.fill(text, WIDTH, break_on_hyphens=False)
