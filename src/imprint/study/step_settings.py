"""What of a command's options goes on the card of a step: everything, but for what is named.

A card that lists the options a step uses is wrong once one is forgotten, and nobody notices: the
step is passed over, and old results stand beside new options. So a step takes the whole dataclass
of its options, and its author names what does *not* count, which a refusal too many betrays.

Never counted are where results go, where networks run, and paths: what stands in a file counts by
its content, among the inputs of the step.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from imprint.study.plain import to_plain

NEVER = frozenset(("out", "device", "json"))


def card_settings(
    options: Any, of: type | None = None, without: Iterable[str] = ()
) -> dict[str, Any]:
    """Return the options that a step depends on, as JSON values.

    >>> @dataclasses.dataclass
    ... class Options:
    ...     out: Path
    ...     k: int = 20
    ...     top: int = 5
    >>> card_settings(Options(Path("here")), without=("top",))
    {'k': 20}

    Args:
        options: a dataclass.
        of: only the fields of this class, one that ``options`` extends.
        without: fields that do not count: what they decide is on the card of an input, or they
            only say what is shown.
    """
    fields = [field.name for field in dataclasses.fields(options if of is None else of)]
    unknown = set(without).difference(fields)
    assert not unknown, f"{type(options).__name__} has no {unknown}"
    values = {name: getattr(options, name) for name in fields if name not in NEVER.union(without)}
    return {name: to_plain(value) for name, value in values.items() if not isinstance(value, Path)}


def fields_of(*kinds: type) -> tuple[str, ...]:
    """Return the names of all fields of some dataclasses."""
    return tuple(field.name for kind in kinds for field in dataclasses.fields(kind))
