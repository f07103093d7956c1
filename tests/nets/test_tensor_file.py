"""Tensors with JSON in one file: what is written is read, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.nets.tensor_file import read_tensor_file, write_tensor_file

FACTS = {"names": ["a", "ä"], "count": 3}
TENSORS = {"b": torch.arange(3), "a": torch.tensor(True), "empty": torch.empty(0, 2)}


def test_tensors_and_facts_come_back(tmp_path: Path) -> None:
    file = tmp_path / "file.safetensors"
    write_tensor_file(file, "kind", 1, FACTS, TENSORS)
    content = file.read_bytes()
    read = read_tensor_file(file, "kind", 1, "write it again")
    assert read.facts == FACTS
    assert read.tensors.keys() == TENSORS.keys()
    assert all(torch.equal(read.tensors[name], each) for name, each in TENSORS.items())
    write_tensor_file(file, "kind", 1, FACTS, dict(reversed(TENSORS.items())))
    assert file.read_bytes() == content


def test_other_kinds_versions_and_damage_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "file.safetensors"
    write_tensor_file(file, "kind", 1, FACTS, TENSORS)
    for kind, version, message in (("other", 1, "holds no other"), ("kind", 2, "another version")):
        with pytest.raises(ImprintError, match=message):
            read_tensor_file(file, kind, version, "write it again")
    content = bytearray(file.read_bytes())
    content[-3] ^= 1
    file.write_bytes(content)
    with pytest.raises(ImprintError, match="does not have its hash: write it again"):
        read_tensor_file(file, "kind", 1, "write it again")
    with pytest.raises(ImprintError, match="no file"):
        read_tensor_file(tmp_path / "none.safetensors", "kind", 1, "write it again")
