"""Methods that register themselves: one new file in a package, and it is found by name."""

from __future__ import annotations

import importlib.util
import pkgutil
import sys
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from imprint.core.errors import ImprintError

T = TypeVar("T")


class Registry(Generic[T]):
    """Named things of one kind, defined by decorated objects in the modules of some packages.

    The modules are imported on the first look-up, so that registering costs nothing at start-up.

    Args:
        kind: what an entry is called in messages, e.g. ``"objective"``.
        packages: dotted names of the packages whose modules hold the entries; ``A.*.B`` stands for
            ``B``, a package or one module, of every package below ``A`` that has it.
    """

    def __init__(self, kind: str, *packages: str) -> None:
        self.kind = kind
        self.packages = packages
        self._entries: dict[str, T] = {}
        self._discovered = False

    def register(self, *names: str) -> Callable[[T], T]:
        """Return a decorator that enters its object under every one of ``names``."""

        def enter(entry: T) -> T:
            for name in names:
                if name in self._entries:
                    raise ValueError(f"two {self.kind}s are named {name!r}")
                self._entries[name] = entry
            return entry

        return enter

    def names(self) -> list[str]:
        """Return every registered name, sorted."""
        self._discover()
        return sorted(self._entries)

    def entries(self) -> list[T]:
        """Return every entry once, in the order of their modules and of definition in each."""
        self._discover()
        return list({id(entry): entry for entry in self._entries.values()}.values())

    def get(self, name: str) -> T:
        """Return the entry called ``name``.

        Raises:
            ImprintError: no entry has that name; the message lists those that exist.
        """
        self._discover()
        if name not in self._entries:
            raise ImprintError(
                f"unknown {self.kind} {name!r}: choose one of {', '.join(self.names())}"
            )
        return self._entries[name]

    def describe(self) -> dict[str, str]:
        """Return a line about each entry, by name.

        It is what an entry says of itself, in an attribute ``words``, or how the docstring of its
        module begins.
        """
        return {name: self._describe(self._entries[name]) for name in self.names()}

    def _describe(self, entry: T) -> str:
        words = getattr(entry, "words", "")
        if words:
            return str(words)
        module = next((name for name in _modules_of(entry) if name.startswith(self._roots())), "")
        text = (sys.modules[module].__doc__ if module else entry.__doc__) or ""
        return text.partition("\n")[0].strip().rstrip(".")

    def _roots(self) -> tuple[str, ...]:
        return tuple(package.partition(".*.")[0] for package in self.packages)

    def _discover(self) -> None:
        if self._discovered:
            return
        self._discovered = True
        for pattern in self.packages:
            for name in _matching(pattern):
                package = importlib.import_module(name)
                for module in pkgutil.iter_modules(getattr(package, "__path__", ())):
                    importlib.import_module(f"{name}.{module.name}")


def _modules_of(entry: object) -> Iterator[str]:
    """Yield the modules of an entry: of a class or function, or of those that an object holds."""
    for part in (entry, *getattr(entry, "__dict__", {}).values()):
        defined = getattr(part, "func", part)  # of functools.partial
        if callable(defined) and hasattr(defined, "__qualname__"):
            yield defined.__module__


def _matching(pattern: str) -> Iterator[str]:
    above, star, below = pattern.partition(".*.")
    if not star:
        yield pattern
    elif importlib.util.find_spec(above) is not None:
        for module in pkgutil.iter_modules(importlib.import_module(above).__path__):
            inner = f"{above}.{module.name}"
            if module.ispkg and importlib.util.find_spec(f"{inner}.{below}") is not None:
                yield f"{inner}.{below}"
