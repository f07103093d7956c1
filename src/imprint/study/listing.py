"""``imprint list``: what a registry holds, a line each.

A module of commands names the lists of its room, ``listed("attacks", "package.module:ATTACKS")``,
and ``imprint list attacks`` is a command; the registry is imported when it runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import ClassVar

from imprint.study.command import command


@dataclass(frozen=True, kw_only=True)
class Listing:
    """List what a registry holds.

    Attributes:
        source: ``package.module:NAME`` of a :class:`imprint.core.registry.Registry`, or of a
            function without arguments that returns a mapping from names to descriptions.
    """

    source: ClassVar[str] = ""

    json: bool = False
    """Print names and descriptions as JSON."""

    def run(self) -> dict[str, str]:
        """Print names and descriptions; return them."""
        module, _, name = self.source.partition(":")
        entries = getattr(import_module(module), name)
        described: dict[str, str] = entries() if callable(entries) else entries.describe()
        descriptions = {name: text.replace("``", "") for name, text in described.items()}
        if not self.json:
            width = max(map(len, descriptions))
            for name, description in descriptions.items():
                print(f"{name:<{width}}  {description}")
        return descriptions


def listed(plural: str, what: str, source: str) -> None:
    """Make ``imprint list PLURAL`` a command.

    Args:
        plural: e.g. ``"attacks"``.
        what: what is listed, in a few words, for help.
        source: of the list; see :class:`Listing`.
    """
    kind = type(f"List{plural.title()}", (Listing,), {"source": source, "__doc__": f"List {what}."})
    command(f"list {plural}", what)(dataclass(frozen=True, kw_only=True)(kind))
