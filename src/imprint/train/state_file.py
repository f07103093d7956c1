"""The file that an interrupted training goes on from."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from imprint.core.durable import replacing
from imprint.core.errors import ImprintError
from imprint.reading.regular import UnreadableFile
from imprint.reading.weights_files import read_torch


def write_state(path: Path, state: Mapping[str, Any]) -> None:
    """Write tensors and plain values by name, whole or not at all."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    # The view is released also when the disk is full.
    with replacing(path) as temporary, buffer.getbuffer() as view:
        temporary.write_bytes(view)


def take_state(path: Path, take: Callable[[Any], None]) -> None:
    """Hand what :func:`write_state` wrote to a function that takes it.

    Raises:
        ImprintError: the file is damaged, or ``take`` finds it to be of another training.
    """
    try:
        take(read_torch(path))
    except (
        UnreadableFile,
        ArithmeticError,
        AttributeError,
        LookupError,
        RuntimeError,
        TypeError,
        ValueError,
    ):
        raise ImprintError(
            f"{path} is damaged, or not what an interrupted training leaves: delete the folder "
            f"{path.parent} and run the same command again"
        ) from None
