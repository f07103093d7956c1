"""Which of the things that a network returns is its output.

A network that returns one tensor needs no rule. Of a tuple, a list, a mapping or an object with
fields, the output is, in this order:

1. the entry that the user names (``--output``, ``output`` on the card): an index, a key or a field;
   dots go into nested ones, as in ``heads.0``;
2. the entry ``logits``;
3. the only tensor of floats ``[b, outputs]``; of any width where ``outputs`` is not known.

Anything else is an error that lists the entries: which one holds the logits is not guessed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from imprint.core.errors import ImprintError

LOGITS = "logits"
MAX_LISTED = 6


@dataclass(frozen=True)
class OutputRule:
    """How the output is picked from what a network returns.

    Attributes:
        outputs: columns of the output; None where they are not known.
        entry: index, key or field of the output, dots into nested ones; empty to find it.
    """

    outputs: int | None = None
    entry: str = ""

    def pick(self, result: object) -> Tensor:
        """Return the output.

        >>> import torch
        >>> OutputRule(outputs=3).pick((torch.zeros(2, 5), torch.ones(2, 3)))
        tensor([[1., 1., 1.],
                [1., 1., 1.]])

        Args:
            result: what the network returned.

        Raises:
            ImprintError: the entry does not exist or is no tensor, or no single entry fits.
        """
        if self.entry:
            return _entry(result, self.entry)
        if isinstance(result, Tensor):
            return result
        entries = _entries(result)
        logits = entries.get(LOGITS, getattr(result, LOGITS, None))
        if isinstance(logits, Tensor):
            return logits
        tensors = [entry for entry in entries.values() if isinstance(entry, Tensor)]
        fitting = [entry for entry in tensors if self._fits(entry)]
        if len(fitting) == 1:
            return fitting[0]
        raise ImprintError(self._refusal(result, entries, len(fitting)))

    def _fits(self, entry: Tensor) -> bool:
        if entry.ndim != 2 or not entry.is_floating_point():
            return False
        return self.outputs is None or entry.shape[1] == self.outputs

    def _refusal(self, result: object, entries: Mapping[str, object], fitting: int) -> str:
        kind = type(result).__name__
        if not entries:
            return (
                f"the network returns {_kind(kind)}, not a tensor: return the logits [b, outputs]"
            )
        columns = "columns" if self.outputs is None else f"{self.outputs} columns"
        count = "none" if not fitting else f"{fitting}"
        return (
            f"the network returns {_kind(kind)} ({_listed(entries)}), {count} of which may be the "
            f'logits, [b, outputs] with {columns}: name the entry with --output, or as "output" '
            "on the card"
        )


def _entry(result: object, path: str) -> Tensor:
    value = result
    for part in path.split("."):
        entries = _entries(value)
        if part not in entries and not hasattr(value, part) and not _is_index(part, value):
            raise ImprintError(
                f"the network's output has no entry {part!r} of --output {path}: "
                + (
                    f"it has {_listed(entries)}"
                    if entries
                    else "it is a single tensor; leave it out"
                )
            )
        if part in entries:
            value = entries[part]
        elif isinstance(value, Sequence) and _is_index(part, value):
            value = value[int(part)]
        else:
            value = getattr(value, part)
    if not isinstance(value, Tensor):
        raise ImprintError(
            f"the entry --output {path} of the network's output is {_kind(type(value).__name__)}, "
            "not a tensor: name a tensor of shape [b, outputs]"
        )
    return value


def _is_index(part: str, value: object) -> bool:
    if not isinstance(value, Sequence) or not part.removeprefix("-").isdecimal():
        return False
    return -len(value) <= int(part) < len(value)


def _entries(result: object) -> dict[str, object]:
    """Return what a result holds, by key, field or index."""
    if isinstance(result, Tensor):
        return {}
    if isinstance(result, Mapping):
        return {str(key): value for key, value in result.items()}
    if isinstance(result, tuple) and hasattr(result, "_asdict"):
        return dict(result._asdict())
    if isinstance(result, tuple | list):
        return {str(place): value for place, value in enumerate(result)}
    return dict(getattr(result, "__dict__", {}))


def _listed(entries: Mapping[str, object]) -> str:
    shown = [f"{name}: {_shape(entry)}" for name, entry in list(entries.items())[:MAX_LISTED]]
    return ", ".join(shown) + (", …" if len(entries) > MAX_LISTED else "")


def _shape(entry: object) -> str:
    return str(list(entry.shape)) if isinstance(entry, Tensor) else type(entry).__name__


def _kind(name: str) -> str:
    return f"an {name}" if name[0].lower() in "aeiou" else f"a {name}"
