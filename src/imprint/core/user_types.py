"""Objects of libraries that need not be imported, told by the names of their classes."""

from __future__ import annotations


def is_of(value: object, *names: str) -> bool:
    """Return whether a class of that name, ``package:Class``, is among those of an object.

    ``package`` also stands for its modules.

    >>> is_of({}, "builtins:dict"), is_of([], "builtins:dict")
    (True, False)
    """
    wanted = {tuple(name.split(":")) for name in names}
    return any(
        (kind.__module__.partition(".")[0], kind.__name__) in wanted for kind in type(value).__mro__
    )
