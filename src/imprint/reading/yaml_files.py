"""YAML of options: plain values, no key twice, bounded nesting and length.

An alias repeats what its anchor names, so that a few lines can stand for gigabytes: values are
counted as if they were written out.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imprint.reading.regular import UnreadableFile, read_text

if TYPE_CHECKING:
    import yaml

MAX_BYTES = 1 << 18
MAX_DEPTH = 24
MAX_NODES = 50_000


def read_yaml(path: Path) -> Any:
    """Return the plain values in a YAML file; None for an empty one.

    Raises:
        OSError: it is missing or may not be read.
        UnreadableFile: it is not YAML in UTF-8, holds a key twice or a tag of its own, is nested
            too deeply or too long.
    """
    import yaml

    text = read_text(path, MAX_BYTES)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _check_events(path, text, loader)
        return _Reader(path, loader("")).plain(yaml.compose(text, Loader=loader))
    except UnreadableFile:
        raise
    except Exception as error:  # values such as 2026-13-45 raise what the date makes of them
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UnreadableFile(f"{path} is not YAML: {reason}") from error


def _check_events(path: Path, text: str, loader: Any) -> None:
    import yaml

    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=loader)):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH or count > MAX_NODES:
            raise _too_large(path)


def _too_large(path: Path) -> UnreadableFile:
    return UnreadableFile(
        f"{path} holds more than {MAX_NODES:,} values, aliases written out, or nests them more "
        f"than {MAX_DEPTH} deep, too much for a file of options: check the path"
    )


@dataclass
class _Reader:
    """Makes plain values of nodes, and counts them: an alias counts as what it stands for."""

    path: Path
    values: Any
    count: int = 0

    def plain(self, node: yaml.Node | None, depth: int = 0) -> Any:
        """Return what a node holds."""
        import yaml

        self.count += 1
        if self.count > MAX_NODES or depth > MAX_DEPTH:
            raise _too_large(self.path)
        if node is None:
            return None
        if not node.tag.startswith("tag:yaml.org,2002:") or "python" in node.tag:
            raise UnreadableFile(
                f"{self.path}: tag {node.tag} is not read in a file of options: remove it"
            )
        if isinstance(node, yaml.SequenceNode):
            return [self.plain(item, depth + 1) for item in node.value]
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, depth)
        return self.values.construct_object(node)

    def mapping(self, node: yaml.MappingNode, depth: int) -> dict[Any, Any]:
        """Return the keys and values of a node."""
        content: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = self.plain(key_node, depth + 1)
            if isinstance(key, (list, dict)):
                raise UnreadableFile(f"{self.path}: a key must be a word, not {key!r}")
            if key in content:
                raise UnreadableFile(
                    f"{self.path}, line {key_node.start_mark.line + 1}: key {key!r} is "
                    "duplicated: leave one of them"
                )
            content[key] = self.plain(value_node, depth + 1)
        return content
