"""Methods that register themselves: one new file in a package, and it is found by name.

A package of someone else adds its own by an entry point in the registry's group (see
``docs/first_method.md``); it is imported with the first look-up, never before.
"""

from __future__ import annotations

import importlib.util
import pkgutil
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Generic, TypeVar

from imprint.core.errors import ImprintError, printable, shorten
from imprint.core.progress import log

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T")


class Registry(Generic[T]):
    """Named things of one kind, defined by decorated objects in the modules of some packages.

    The modules are imported on the first look-up, so that registering costs nothing at start-up.

    Args:
        kind: what an entry is called in messages, e.g. ``"objective"``.
        packages: dotted names of the packages whose modules hold the entries; ``A.*.B`` stands for
            ``B``, a package or one module, of every package below ``A`` that has it.
        group: of the entry points by which installed packages add entries; empty for none.
    """

    def __init__(self, kind: str, *packages: str, group: str = "") -> None:
        self.kind = kind
        self.packages = packages
        self.group = group
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

    def replace(self, name: str, entry: T) -> None:
        """Enter an object that a user made in this process, in place of one of that name."""
        self._discover()
        self._entries[name] = entry

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
        if self.group:
            self._load_plugins()

    def _load_plugins(self) -> None:
        """Import what installed packages add; of one that fails nothing is kept."""
        from importlib.metadata import entry_points

        for point in entry_points(group=self.group):
            before = dict(self._entries)
            try:
                point.load()
            except (Exception, SystemExit) as error:
                self._entries = before
                log(_describe_broken(point, error))


def _describe_broken(point: EntryPoint, error: BaseException) -> str:
    """Return one sentence about a plug-in that cannot be imported."""
    package = point.dist.name if point.dist is not None else point.value
    reason = (str(error).splitlines() or [""])[0]
    named = type(error).__name__ + (f": {reason}" if reason else "")
    return shorten(
        printable(
            f"the package {package} adds nothing to {point.group}: its entry point "
            f"{point.name} = {point.value} cannot be imported ({named}); update or uninstall it"
        )
    )


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
