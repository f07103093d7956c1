"""Hashes that stand for a content on a card: JSON values, arrays, files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.errors import ImprintError
from imprint.reading.regular import open_regular


def hash_json(value: Any) -> str:
    """Return the SHA-256 of a JSON value, independent of the order of keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def hash_arrays(*arrays: NDArray[Any]) -> str:
    """Return the SHA-256 of types, shapes and bytes of some arrays.

    The same bytes are other numbers in another shape or type.
    """
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str} {list(array.shape)};".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def hash_file(path: Path) -> str:
    """Return the SHA-256 of the bytes of a file.

    Raises:
        ImprintError: the file cannot be read.
    """
    try:
        with open_regular(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ImprintError(f"cannot read {path}: {error.strerror}") from error
