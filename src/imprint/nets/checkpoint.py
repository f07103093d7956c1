"""Files of weights: safetensors, and torch files read without running what they hold."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from imprint.core.durable import replacing
from imprint.core.errors import ImprintError
from imprint.nets.backbone import Weights
from imprint.reading.weights_files import read_safetensors, read_torch

TORCH_SUFFIXES = (".pt", ".pth", ".ckpt")
SUFFIXES = (".safetensors", *TORCH_SUFFIXES)
CONTAINERS = ("state_dict", "model_state_dict", "model", "network", "net", "subject")
WRAPPERS = ("module.", "model.")

SHOWN = 5


@dataclass(frozen=True)
class KeyNames:
    """Which tensors of a file count, and under which names.

    Args:
        prefix: only names that begin with it count, without it; empty for all.
        renamed: what names begin with, and what stands there instead; the longest one that fits
            counts. They apply behind ``prefix``.
    """

    prefix: str = ""
    renamed: tuple[tuple[str, str], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.prefix or self.renamed)

    def to_json(self) -> Mapping[str, Any]:
        """Return the names as JSON values."""
        return {"prefix": self.prefix, "renamed": [list(pair) for pair in self.renamed]}


def rename_keys(path: Path, weights: Weights, keys: KeyNames) -> Weights:
    """Return the tensors that count, under their new names.

    >>> weights = {"net.stem.weight": torch.ones(1), "queue": torch.ones(1)}
    >>> list(rename_keys(Path("x.pt"), weights, KeyNames("net.", (("stem.", "conv1."),))))
    ['conv1.weight']

    Args:
        path: where they come from, for messages.
        weights: as read.
        keys: which count.

    Raises:
        ImprintError: no name begins so, or two tensors get one name.
    """
    if keys.prefix and not any(name.startswith(keys.prefix) for name in weights):
        raise ImprintError(
            f"{path} has no tensor under --key-prefix {keys.prefix}: names begin with "
            + ", ".join(_beginnings(weights))
        )
    longest_first = sorted(keys.renamed, key=lambda pair: -len(pair[0]))
    unused = {old for old, _ in keys.renamed}
    renamed: Weights = {}
    for name, tensor in weights.items():
        if not name.startswith(keys.prefix):
            continue
        new = name.removeprefix(keys.prefix)
        for old, instead in longest_first:
            if new.startswith(old):
                new = instead + new.removeprefix(old)
                unused.discard(old)
                break
        if new in renamed:
            raise ImprintError(f"{path}: --key-map gives two tensors the name {new}: rename one")
        renamed[new] = tensor
    if unused:
        kept = {name.removeprefix(keys.prefix) for name in weights if name.startswith(keys.prefix)}
        raise ImprintError(
            f"{path} has no tensor whose name begins with {sorted(unused)[0]!r} of --key-map: "
            "names begin with " + ", ".join(_beginnings(kept))
        )
    return renamed


def _beginnings(names: Collection[str]) -> list[str]:
    """Return the first parts of names, a few of them."""
    first = list(dict.fromkeys(name.partition(".")[0] + "." * ("." in name) for name in names))
    return first[:SHOWN] + ["…"] * (len(first) > SHOWN)


def read_weights(path: Path) -> Weights:
    """Return the named tensors of a file, on the CPU.

    A torch file may hold them directly or under one of the usual names, :data:`CONTAINERS`.

    Raises:
        ImprintError: no such file, another format, a damaged file, one that needs unpickling of
            more than tensors, or one without tensors.
    """
    return unwrap(path, read_content(path))


def read_content(path: Path) -> Any:
    """Return what a file of weights holds, tensors on the CPU: with torch, maybe more than those.

    Raises:
        ImprintError: no such file, another format, a damaged file, or one that needs unpickling of
            more than tensors and plain values.
    """
    if not path.exists():
        raise ImprintError(f"no weights at {path}: check the path")
    try:
        if path.suffix == ".safetensors":
            return read_safetensors(path)
        if path.suffix in TORCH_SUFFIXES:
            return read_torch(path)
    except OSError as error:
        raise ImprintError(f"cannot read the weights {path}: {error.strerror}") from error
    raise ImprintError(
        f"{path} is not a file of weights: imprint reads .safetensors, {', '.join(TORCH_SUFFIXES)}"
    )


def write_weights(path: Path, weights: Mapping[str, Tensor]) -> None:
    """Write named tensors as safetensors, whole or not at all; equal tensors give equal bytes.

    Raises:
        ImprintError: the disk is full or the folder cannot be written.
    """
    from safetensors.torch import save

    own = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in weights.items()
    }
    content = save(own)
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def plain_names(weights: Weights, expected: Collection[str]) -> Weights:
    """Return weights without the prefixes that DDP, ``torch.compile`` and trainers add.

    Args:
        weights: as read.
        expected: names that the network has; a prefix that stands there is kept.
    """
    plain = {name.replace("_orig_mod.", ""): tensor for name, tensor in weights.items()}
    while prefix := _wrapper_of(plain, expected):
        plain = {name.removeprefix(prefix): tensor for name, tensor in plain.items()}
    return plain


def _wrapper_of(weights: Weights, expected: Collection[str]) -> str | None:
    for prefix in WRAPPERS:
        everywhere = weights and all(name.startswith(prefix) for name in weights)
        if everywhere and not any(name.startswith(prefix) for name in expected):
            return prefix
    return None


def unwrap(path: Path, content: Any) -> Weights:
    """Return the named tensors that a file's content is, or holds under a usual name.

    Raises:
        ImprintError: there are none.
    """
    candidates = [content]
    if isinstance(content, Mapping):
        candidates += [content[name] for name in CONTAINERS if name in content]
    for candidate in candidates:
        if not isinstance(candidate, Mapping) or not candidate:
            continue
        if all(isinstance(value, Tensor) for value in candidate.values()):
            return {str(name): tensor for name, tensor in candidate.items()}
    keys = ", ".join(map(str, content)) if isinstance(content, Mapping) else type(content).__name__
    raise ImprintError(
        f"{path} holds no state dict, alone or under {', '.join(CONTAINERS)} (it holds: "
        f"{keys or 'nothing'}): save model.state_dict()"
    )
