"""Files of weights: safetensors, and torch files read without running what they hold.

``torch.load(weights_only=True)`` calls a short list of functions alone. Of those, ``bytearray``
takes as much memory as a number says, and ``encode`` as much time as a codec needs; so the pickle
is looked through first, and an archive may not unpack to more than the file.
"""

from __future__ import annotations

import argparse
import codecs
import io
import pickle
import pickletools
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imprint.reading.regular import UnreadableFile, check_regular, open_regular

if TYPE_CHECKING:
    from torch import Tensor

MAX_PICKLE_BYTES = 64 << 20
MAX_OPERATIONS = 5_000_000
_LEGACY_PICKLES = 5
"""Of a torch file before 1.6: a magic number, a version, facts, the object, names of storages."""
_REFUSED = frozenset(["builtins bytearray", "__builtin__ bytearray"])
_ENCODE = "_codecs encode"
_MAX_CODEC = 40


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file, on the CPU.

    Raises:
        OSError: it is missing or may not be read.
        UnreadableFile: it is damaged or another kind of file.
    """
    from safetensors.torch import load_file

    check_regular(path)
    try:
        return load_file(path)
    except Exception as error:  # of a dtype that torch lacks, for one, comes a KeyError
        raise UnreadableFile(
            f"{path} is damaged or not a safetensors file ({_reason(error)}): fetch or "
            "write it again"
        ) from error


def read_safetensors_metadata(path: Path) -> dict[str, str]:
    """Return the texts in the header of a safetensors file, by name.

    Raises:
        OSError: it is missing or may not be read.
        UnreadableFile: it is damaged or another kind of file.
    """
    from safetensors import safe_open

    check_regular(path)
    try:
        with safe_open(path, framework="pt") as file:
            return dict(file.metadata() or {})
    except Exception as error:
        raise UnreadableFile(
            f"{path} is damaged or not a safetensors file ({_reason(error)}): fetch or "
            "write it again"
        ) from error


def read_torch(path: Path) -> Any:
    """Return what a torch file holds: tensors on the CPU and plain values.

    Raises:
        OSError: it is missing or may not be read.
        UnreadableFile: it is damaged, another kind of file, needs unpickling of more than that, or
            holds a tensor larger than itself.
    """
    import torch

    size = check_regular(path).st_size
    try:
        _check_pickles(path, size)
        # DINO and others keep the options of their training there: a bag of values, no code.
        with torch.serialization.safe_globals([argparse.Namespace]):
            content = torch.load(path, map_location="cpu", weights_only=True)
        _check_tensors(content, size)
    except pickle.UnpicklingError as error:
        name = re.search(r"GLOBAL (\S+)", str(error))
        raise UnreadableFile(
            f"{path} is damaged, or holds pickled objects, which could run code"
            f"{f' ({name[1]})' if name else ''}: where you trust it, load it and save "
            "model.state_dict() alone"
        ) from error
    except Exception as error:  # a damaged pickle raises nearly anything
        raise UnreadableFile(
            f"{path} is damaged or not a torch file of weights ({_reason(error)}): "
            "write model.state_dict() again"
        ) from error
    return content


def _check_pickles(path: Path, size: int) -> None:
    """Check what the pickles of a torch file ask for.

    Raises:
        ValueError: more memory or time than the file is worth.
    """
    with open_regular(path) as file:
        if not zipfile.is_zipfile(file):
            file.seek(0)
            stream = io.BytesIO(file.read(MAX_PICKLE_BYTES))
            for _ in range(_LEGACY_PICKLES):
                _check_operations(pickletools.genops(stream))
            return
        file.seek(0)
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            if sum(member.file_size for member in members) > size:
                raise ValueError("it unpacks to more than its size")
            for member in members:
                if member.filename.endswith(".pkl"):
                    if member.file_size > MAX_PICKLE_BYTES:
                        raise ValueError("its list of tensors is too long")
                    _check_operations(pickletools.genops(archive.read(member)))


def _check_operations(operations: Iterator[tuple[Any, Any, Any]]) -> None:
    encodes = False
    words = set()
    for count, (operation, argument, _) in enumerate(operations):
        if count > MAX_OPERATIONS:
            raise ValueError("its list of tensors is too long")
        if operation.name == "GLOBAL":
            if argument in _REFUSED:
                raise ValueError(f"it asks for {argument.replace(' ', '.')}")
            encodes = encodes or argument == _ENCODE
        elif isinstance(argument, str) and len(argument) <= _MAX_CODEC:
            words.add(argument)
    if encodes:
        _check_codecs(words)


def _check_codecs(words: set[str]) -> None:
    for word in words:
        try:
            name = codecs.lookup(word).name
        except (LookupError, ValueError):
            continue
        if name != "iso8859-1":
            raise ValueError(f"it encodes text as {word}")


def _check_tensors(content: Any, size: int) -> None:
    """Check that no tensor is larger than the file: a stride of 0 repeats one value for ever."""
    import torch

    waiting, seen = [content], set()
    while waiting:
        value = waiting.pop()
        if isinstance(value, torch.Tensor):
            if value.layout != torch.strided or value.device.type != "cpu" or value.is_quantized:
                raise ValueError("it holds a tensor that is sparse, quantised or without values")
            if value.numel() * value.element_size() > size:
                raise ValueError(f"a tensor {list(value.shape)} is larger than the file")
        elif isinstance(value, (Mapping, list, tuple, set)) and id(value) not in seen:
            seen.add(id(value))
            waiting.extend(value.values() if isinstance(value, Mapping) else value)


def _reason(error: Exception) -> str:
    return (str(error).splitlines() or ["it ends early"])[0]
