"""Methods that register themselves: one new file in a package, and it is found by name."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import Generic, TypeVar

from imprint.errors import ImprintError

T = TypeVar("T")


class Registry(Generic[T]):
    """Named things of one kind, defined by decorated objects in the modules of one package.

    The modules are imported on the first look-up, so that registering costs nothing at start-up.

    Args:
        kind: what an entry is called in messages, e.g. ``"objective"``.
        package: dotted name of the package whose modules hold the entries.
    """

    def __init__(self, kind: str, package: str) -> None:
        self.kind = kind
        self.package = package
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

    def _discover(self) -> None:
        if self._discovered:
            return
        self._discovered = True
        package = importlib.import_module(self.package)
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{self.package}.{module.name}")
