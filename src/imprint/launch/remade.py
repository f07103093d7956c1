"""Objects that tasks make anew, such as a network that is loaded from its folder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Remade(Generic[T]):
    """Returns an object that is made once a process; it travels as how it is made.

    >>> import pickle
    >>> numbers = Remade(list)
    >>> numbers().append(1)
    >>> numbers(), pickle.loads(pickle.dumps(numbers))()
    ([1], [])

    Args:
        make: returns the object; picklable.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: list[T] = []

    def __call__(self) -> T:
        """Return the object."""
        if not self._made:
            self._made.append(self._make())
        return self._made[0]

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel as how the object is made."""
        return Remade, (self._make,)
