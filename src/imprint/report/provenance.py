"""Where findings come from: the command, the model, the data, and the versions that made them."""

from __future__ import annotations

import platform
import shlex
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from imprint import __version__
from imprint.report.wording import plural
from imprint.study.command import words_of
from imprint.study.plain import JsonObject, to_plain

LIBRARIES = ("torch", "numpy")
COUNTED = {"images": "image", "records": "record", "members": "member", "non_members": "non-member"}
"""Facts about the data that the front page repeats, in the singular."""
MAX_VALUE_LETTERS = 60


def library_versions() -> dict[str, str]:
    """Return the versions of imprint, of the libraries that compute, and of Python."""
    versions = {"imprint": __version__}
    for name in LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:  # a library without metadata, as in a frozen program
            continue
    return {**versions, "python": platform.python_version()}


def typed_command(options: Any, settings: Mapping[str, Any]) -> str | None:
    """Return the command that a study is of, with the options that are not at their defaults.

    Args:
        options: of the command; of a class that is no command, as from Python, there is none.
        settings: the same as plain values, without folders.
    """
    words = words_of(type(options))
    if words is None:
        return None
    return " ".join(["imprint", words, *_flags(settings, _defaults(type(options)))])


def describe_data(data: Mapping[str, Any]) -> str:
    """Return which data were audited, in a few words.

    >>> describe_data({"name": "cats", "members": 2000, "non_members": 1})
    'cats: 2,000 members, 1 non-member'
    """
    counts = [
        plural(data[key], word)
        for key, word in COUNTED.items()
        if isinstance(data.get(key), int) and not isinstance(data[key], bool) and data[key] >= 0
    ]
    name = str(data.get("name", ""))
    return ": ".join(part for part in (name, ", ".join(counts)) if part)


def _defaults(kind: type) -> JsonObject:
    """Return the defaults of a class of options as plain values; required ones are left out."""
    import dataclasses

    plain: JsonObject = {}
    for field in dataclasses.fields(kind):
        if field.default is not dataclasses.MISSING:
            plain[field.name] = to_plain(field.default)
        elif field.default_factory is not dataclasses.MISSING:
            plain[field.name] = to_plain(field.default_factory())
    return plain


def _flags(
    settings: Mapping[str, Any], defaults: Mapping[str, Any], prefix: str = ""
) -> Iterator[str]:
    """Yield flag and value of every setting that has another value than its default."""
    for name, value in settings.items():
        default = defaults.get(name, ...)
        if value == default:
            continue
        flag = prefix + name.replace("_", "-")
        if isinstance(value, Mapping):
            yield from _flags(value, default if isinstance(default, Mapping) else {}, f"{flag}.")
        elif isinstance(value, bool):
            before, dot, last = flag.rpartition(".")
            yield f"--{before}{dot}{'' if value else 'no-'}{last}"
        elif _is_groups(value):
            for group in value:
                words = " ".join(shlex.quote(f"{key}={inner}") for key, inner in group)
                yield f"--{flag} {_shorten(words)}"
        elif value is not None:
            yield f"--{flag} {shlex.quote(_typed(value))}"


def _is_groups(value: Any) -> bool:
    """Return whether a value is several groups of settings, each behind a flag of its own."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(group, list) and group and all(map(_is_pair, group)) for group in value)
    )


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2


def _typed(value: Any) -> str:
    """Return a value as it is typed: lists with commas, settings as ``name=value``."""
    if isinstance(value, list):
        if value and all(map(_is_pair, value)):
            return _shorten(",".join(f"{key}={inner}" for key, inner in value))
        return _shorten(",".join(map(str, value)))
    return _shorten(str(value))


def _shorten(text: str) -> str:
    return text if len(text) <= MAX_VALUE_LETTERS else text[: MAX_VALUE_LETTERS - 1] + "…"
