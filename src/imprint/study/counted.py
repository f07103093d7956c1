"""Which fields of a dataclass count on the card of a step: all but those marked here."""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar

T = TypeVar("T")

_UNCOUNTED = "imprint: does not count"


def uncounted(**keywords: Any) -> Any:
    """Return a dataclass field that the artefact does not depend on, such as a device."""
    return dataclasses.field(metadata={_UNCOUNTED: True}, **keywords)


def counts(field: dataclasses.Field[Any]) -> bool:
    """Return whether a field is part of the card."""
    return not field.metadata.get(_UNCOUNTED)


def part_of(options: Any, kind: type[T]) -> T:
    """Return the options of one group, without those of the classes that extend it.

    A step takes the group that it uses, so that nothing else stands on its card.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Seed:
    ...     seed: int = 0
    >>> @dataclasses.dataclass(frozen=True)
    ... class Command(Seed):
    ...     data: str = ""
    >>> part_of(Command(3, "images"), Seed)
    Seed(seed=3)

    Args:
        options: an object of a subclass of ``kind``.
        kind: a dataclass.
    """
    names = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    return kind(**{name: getattr(options, name) for name in names})
