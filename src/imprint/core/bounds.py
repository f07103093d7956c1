"""Bounds of an option, stated in its annotation and checked wherever its dataclass is made.

A field of a ``Literal`` type is checked as well: a Python caller can give it any text.

>>> from dataclasses import dataclass
>>> from typing import Annotated
>>> @dataclass(frozen=True)
... class Options(Checked):
...     k: Annotated[int, Bounds(least=1)] = 20
...     noise: Annotated[float, Bounds(above=0, noun="a positive, finite variance")] = 0.1
>>> Options(k=0)
Traceback (most recent call last):
imprint.core.bounds.OptionError: k must be at least 1, got 0
>>> Options(noise=0)
Traceback (most recent call last):
imprint.core.bounds.OptionError: noise must be a positive, finite variance, got 0

On the command line the same sentence begins with the flag, ``--k must be at least 1, got 0``.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from imprint.core.errors import ImprintError

LARGEST_FLOAT32 = 3.4028234663852886e38
LARGEST_INT64 = 2**63 - 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bounds:
    """The range of a number, or of every number of a tuple; None has no range.

    Attributes:
        least, above: the lower end, itself allowed or not.
        most, below: the upper end, likewise.
        or_zero: 0 is allowed as well, usually for "none" or "all".
        noun: what the number must be, in place of the range: ``"a positive, finite variance"``.
        why: what follows the sentence after a colon, where the range needs a reason.
    """

    least: float | None = None
    above: float | None = None
    most: float | None = None
    below: float | None = None
    or_zero: bool = False
    noun: str = ""
    why: str = ""

    def hold(self, number: float) -> bool:
        """Whether a number lies within; NaN and infinity never do."""
        if self.or_zero and number == 0:
            return True
        return (
            _is_storable(number)
            and (self.least is None or number >= self.least)
            and (self.above is None or number > self.above)
            and (self.most is None or number <= self.most)
            and (self.below is None or number < self.below)
        )

    def describe(self) -> str:
        """Return the range in words.

        >>> Bounds(above=0, most=1).describe(), Bounds(least=2, or_zero=True).describe()
        ('in (0, 1]', '0 or at least 2')
        """
        if self.noun:
            return self.noun
        words = self._range()
        return f"0 or {words}" if self.or_zero else words

    def _range(self) -> str:
        lower = self.least if self.least is not None else self.above
        upper = self.most if self.most is not None else self.below
        if lower is not None and upper is not None:
            opening = "[" if self.least is not None else "("
            return f"in {opening}{lower:g}, {upper:g}{']' if self.most is not None else ')'}"
        if lower is not None:
            return f"at least {lower:g}" if self.least is not None else f"above {lower:g}"
        if upper is not None:
            return f"at most {upper:g}" if self.most is not None else f"below {upper:g}"
        return "finite"

    def complaint(self, number: float) -> str:
        """Return what is wrong with a number, after the name of its option."""
        shown = f"{number:g}" if isinstance(number, float) else str(number)
        if not _is_storable(number) and (not self.noun or math.isfinite(number)):
            return f"must be {_size_limit(number)}, got {shown}"
        return f"must be {self.describe()}, got {shown}" + (f": {self.why}" if self.why else "")


class OptionError(ImprintError):
    """A value that its option does not take.

    Attributes:
        owner: the dataclass of the option.
        name: the name of the field.
        complaint: what is wrong, after the name of the option.
    """

    def __init__(self, owner: type, name: str, complaint: str) -> None:
        self.owner, self.name, self.complaint = owner, name, complaint
        super().__init__(f"{name} {complaint}")

    @classmethod
    def of(cls, options: Any, name: str, demand: str) -> OptionError:
        """Return the error that a field of an object must be something else.

        Args:
            options: the object.
            name: of the field.
            demand: what it must be or do, after "must".
        """
        return cls(type(options), name, f"must {demand}, got {getattr(options, name)!r}")


class Checked:
    """Base of dataclasses of options: making one checks the bounds and choices of its fields.

    A subclass with a ``__post_init__`` of its own, for what involves several options, calls this
    one first.
    """

    def __post_init__(self) -> None:
        check_fields(self)


def check_fields(options: Any) -> None:
    """Check the fields of a dataclass against their annotations.

    Raises:
        OptionError: a number lies outside its bounds, or a word is not a choice of its ``Literal``.
    """
    for name, choices in choices_of(type(options)).items():
        value = getattr(options, name)
        if value not in choices:
            listed = ", ".join(str(choice) for choice in choices if choice is not None)
            raise OptionError(type(options), name, f"must be one of {listed}, got {value!r}")
    for name, bounds in bounds_of(type(options)).items():
        value = getattr(options, name)
        for number in value if isinstance(value, (tuple, list)) else (value,):
            if isinstance(number, (int, float)) and not bounds.hold(number):
                raise OptionError(type(options), name, bounds.complaint(number))


_bounds: dict[type, Mapping[str, Bounds]] = {}
_choices: dict[type, Mapping[str, tuple[Any, ...]]] = {}


def bounds_of(options: type) -> Mapping[str, Bounds]:
    """Return the bounds of each field of a dataclass that has some."""
    if options not in _bounds:
        hints = get_type_hints(options, include_extras=True)
        marks = ((name, marks_of(kind, Bounds)) for name, kind in hints.items())
        _bounds[options] = {name: bounds[0] for name, bounds in marks if bounds}
    return _bounds[options]


def choices_of(options: type) -> Mapping[str, tuple[Any, ...]]:
    """Return what each ``Literal`` field of a dataclass takes; None, too, if it is optional."""
    if options not in _choices:
        values = ((name, _literal_values(kind)) for name, kind in get_type_hints(options).items())
        _choices[options] = {name: choices for name, choices in values if choices}
    return _choices[options]


def _literal_values(kind: Any) -> tuple[Any, ...]:
    if get_origin(kind) is Literal:
        return get_args(kind)
    if get_origin(kind) in (Union, UnionType):
        parts = [_literal_values(part) for part in get_args(kind) if part is not NoneType]
        if parts and all(parts):
            return (*(value for part in parts for value in part), None)
    return ()


def marks_of(kind: Any, mark: type) -> list[Any]:
    """Return the marks of one class in an annotation, outermost or within an optional one."""
    if get_origin(kind) is Annotated:
        return [each for each in kind.__metadata__ if isinstance(each, mark)] or marks_of(
            get_args(kind)[0], mark
        )
    return [each for inner in get_args(kind) for each in marks_of(inner, mark)]


def _is_storable(number: float) -> bool:
    """Whether a number is finite, and float32 or a 64-bit integer can hold it."""
    if isinstance(number, int):
        return abs(number) <= LARGEST_INT64
    return abs(number) <= LARGEST_FLOAT32


def _size_limit(number: float) -> str:
    """Return what :func:`_is_storable` demands of a number, in words."""
    return "an integer below 2^63" if isinstance(number, int) else "a finite number below 3.4e38"
