"""Named tensors with JSON beside them in one safetensors file: versioned, hashed, nothing pickled.

The JSON stands in the metadata of the file, under the one key ``imprint``, with the kind of the
content, its version and a SHA-256 of everything, so that a damaged file is refused whole.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from imprint.core.durable import replacing
from imprint.core.errors import ImprintError
from imprint.reading.weights_files import read_safetensors, read_safetensors_metadata
from imprint.study.hashing import hash_arrays, hash_json

KEY = "imprint"


@dataclass(frozen=True, eq=False)
class TensorFile:
    """What a file holds.

    Attributes:
        facts: JSON values.
        tensors: by name, on the CPU.
        digest: SHA-256 of both.
    """

    facts: Mapping[str, Any]
    tensors: Mapping[str, Tensor]
    digest: str


def write_tensor_file(
    path: Path, kind: str, version: int, facts: Mapping[str, Any], tensors: Mapping[str, Tensor]
) -> None:
    """Write tensors and JSON; equal content gives equal bytes.

    Args:
        path: of the file.
        kind: of the content, in a word or two.
        version: of its layout.
        facts: JSON values.
        tensors: by name, of any device.

    Raises:
        ImprintError: the disk is full or the folder cannot be written.
    """
    from safetensors.torch import save

    own = {name: tensors[name].detach().cpu().clone().contiguous() for name in sorted(tensors)}
    card = {
        "kind": kind,
        "version": version,
        "facts": facts,
        "digest": _digest(kind, version, facts, own),
    }
    content = save(own, {KEY: json.dumps(card, sort_keys=True, ensure_ascii=False)})
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def read_tensor_file(path: Path, kind: str, version: int, remedy: str) -> TensorFile:
    """Return what :func:`write_tensor_file` wrote.

    Args:
        path: of the file.
        kind: that it must hold.
        version: that it must have.
        remedy: what to do about a file of another kind or version.

    Raises:
        ImprintError: no such file, damaged, or of another kind or version.
    """
    if not path.exists():
        raise ImprintError(f"no file {path}: {remedy}")
    try:
        text = read_safetensors_metadata(path).get(KEY)
        tensors = read_safetensors(path)
    except OSError as error:
        raise ImprintError(f"cannot read {path}: {error.strerror}") from error
    card = _parse(text)
    if card.get("kind") != kind:
        raise ImprintError(f"{path} holds no {kind} of imprint: {remedy}")
    if card.get("version") != version:
        raise ImprintError(f"{path} was written by another version of imprint: {remedy}")
    facts = card.get("facts")
    if not isinstance(facts, dict) or card.get("digest") != _digest(kind, version, facts, tensors):
        raise ImprintError(f"{path} is damaged, its content does not have its hash: {remedy}")
    return TensorFile(facts, tensors, str(card["digest"]))


def _parse(text: str | None) -> dict[str, Any]:
    try:
        card = json.loads(text or "null")
    except (ValueError, RecursionError):
        return {}
    return card if isinstance(card, dict) else {}


def _digest(
    kind: str, version: int, facts: Mapping[str, Any], tensors: Mapping[str, Tensor]
) -> str:
    names = sorted(tensors)
    arrays = hash_arrays(*(tensors[name].contiguous().numpy() for name in names))
    return hash_json([kind, version, facts, names, arrays])
