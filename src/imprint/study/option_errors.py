"""What tyro rejects on the command line, as one sentence.

tyro reports a rejected option as a box of several lines; every other mistake of a user is one
sentence (:class:`imprint.core.errors.ImprintError`), so these are, too. The events come from
``tyro._errors``, which tyro documents as unstable: where a version lacks it, the box stays.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NoReturn

from imprint.core.bounds import Bounds, OptionError, bounds_of
from imprint.core.errors import ImprintError
from imprint.study.option_tree import options_of

_NEAR = 0.6
"""Least similarity, of 1, of an option that is suggested for an unknown one."""
NO_BOUNDS = Bounds()
PAIRS = "NAME=VALUE …"
_KINDS = {
    "INT": "an integer",
    "FLOAT": "a number",
    "PATH": "a path",
    "STR": "a word",
    "NUMBER,NUMBER,…": "numbers separated by commas",
    "NUMBER|auto,…": "numbers, or auto, separated by commas",
    "INT,INT,…": "integers separated by commas",
    "NAME,NAME,…": "names separated by commas",
    "NAME=VALUE,…": "NAME=VALUE pairs separated by commas",
    PAIRS: "NAME=VALUE pairs separated by spaces",
}


def rejections_as_errors(options: type, words: Sequence[str]) -> AbstractContextManager[None]:
    """Return a context in which what tyro rejects of ``words`` raises an ``ImprintError``.

    Args:
        options: the dataclass that is parsed.
        words: the command line, after the command's name.
    """
    try:
        from tyro._errors import on_parse_error
    except ImportError:
        return nullcontext()

    def raise_sentence(event: Any) -> NoReturn:
        raise ImprintError(f"{_sentence(event, options, words)}; see {event.prog} --help")

    return on_parse_error(raise_sentence)


def check_numbers(options: Any, prefix: str = "") -> None:
    """Refuse numbers outside the bounds of their option, and what no option means.

    That is NaN, infinity, and numbers beyond float32 and 64 bits.

    Raises:
        ImprintError: such a number; the message names its option.
    """
    bounds = bounds_of(type(options))
    for field in dataclasses.fields(options):
        value = getattr(options, field.name)
        flag = prefix + field.name.replace("_", "-")
        limits = bounds.get(field.name, NO_BOUNDS)
        if dataclasses.is_dataclass(value):
            check_numbers(value, f"{flag}.")
            continue
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, (int, float)) and not limits.hold(number):
                raise ImprintError(f"--{flag} {limits.complaint(number)}")


def flagged(error: OptionError, options: type, words: Sequence[str]) -> ImprintError:
    """Return an error about a field as one about its flag.

    Of several groups of one class, it is the option that the words name.
    """
    flags = [
        option.flag
        for option in options_of(options)
        if option.name == error.name and issubclass(error.owner, option.owner)
    ]
    typed = {word.partition("=")[0].replace("_", "-") for word in words}
    flag = next((flag for flag in flags if flag in typed), flags[0] if flags else error.name)
    return ImprintError(f"{flag} {error.complaint}")


def _sentence(event: Any, options: type, words: Sequence[str]) -> str:
    """Return what is wrong; the events are those of ``tyro._errors``."""
    kind = type(event).__name__
    unknown = getattr(event, "tokens", None) or getattr(event, "unrecognized_tokens", None)
    if unknown:
        return _unknown(unknown[0], options)
    if kind == "MissingArgs":
        missing = [argument.arg for argument in event.missing_arguments]
        pairs = [f"{_flag(argument)} {argument.lowered.metavar}" for argument in missing]
        return f"{event.prog} needs {' and '.join(pairs)}"
    flag = _flag(event.argument) if getattr(event, "argument", None) is not None else "an option"
    if kind == "InvalidChoice":
        return f"{flag} must be one of {', '.join(event.choices)}, got {event.value!r}"
    if kind == "BadValue":
        return f"{flag} needs a value" + _choices(event)
    metavar = str(event.argument.lowered.metavar) if flag != "an option" else ""
    value = _no_pair(flag, words) if metavar == PAIRS else _value(flag, words)
    if value is not None:
        return f"{flag} must be {_kind(metavar)}, got {value!r}"
    return f"{flag}: {str(getattr(event, 'message', kind)).splitlines()[0]}"


def _unknown(word: str, options: type) -> str:
    if not word.startswith("-"):
        return f"unexpected word {word!r} on the command line"
    flag = word.partition("=")[0]
    near = difflib.get_close_matches(flag, [each.flag for each in options_of(options)], 1, _NEAR)
    return f"unknown option {flag}" + (f", the nearest is {near[0]}" if near else "")


def _flag(argument: Any) -> str:
    return str(argument.lowered.name_or_flags[-1])


def _value(flag: str, words: Sequence[str]) -> str | None:
    """Return what stands last behind a flag, or None where it does not."""
    value = None
    for position, word in enumerate(words):
        name, equals, behind = word.partition("=")
        if name.replace("_", "-") != flag:
            continue
        if equals:
            value = behind
        elif position + 1 < len(words):
            value = words[position + 1]
    return value


def _no_pair(flag: str, words: Sequence[str]) -> str | None:
    """Return the first word behind a flag that is no NAME=VALUE, or None where each is one."""
    is_behind = False
    for word in words:
        name, equals, value = word.partition("=")
        if word.startswith("--"):
            is_behind = name.replace("_", "-") == flag
            if not is_behind or not equals:
                continue
            word = value
        if is_behind and not all(
            pair.partition("=")[0] and "=" in pair for pair in word.split(",") if pair.strip()
        ):
            return word
    return None


def _choices(event: Any) -> str:
    """Return the values that an option takes, where they are a few words."""
    metavar = str(event.argument.lowered.metavar) if getattr(event, "argument", None) else ""
    return f", {_kind(metavar)}" if metavar.startswith("{") else ""


def _kind(metavar: str) -> str:
    """Return what an option takes in words: of INT, an integer."""
    optional = metavar.startswith("{None}|")
    plain = metavar.removeprefix("{None}|")
    if plain.startswith("{") and plain.endswith("}"):
        return "one of " + plain.strip("{}").replace(",", ", ")
    return _KINDS.get(plain, plain) + (" or None" if optional else "")
