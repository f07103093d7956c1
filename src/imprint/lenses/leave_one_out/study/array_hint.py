"""Which option reads an array file that is not one of inputs and classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from imprint.core.errors import ImprintError
from imprint.study.array_file import read_any_npz

VALUES = "real values as targets need --targets values"
MATRIX = "a kernel matrix in place of x needs --kernel given"


def option_hint(file: Path) -> str:
    """Return which option reads the file, or nothing where none is known to.

    Args:
        file: an array file that could not be read as inputs and classes.
    """
    try:
        arrays = read_any_npz(file)
    except ImprintError:
        return ""
    if "kernel" in arrays and "x" not in arrays:
        return MATRIX
    y = arrays.get("y")
    fractions = (
        y is not None
        and np.issubdtype(y.dtype, np.floating)
        and bool(np.isfinite(y).all())
        and bool((y != np.floor(y)).any())
    )
    return VALUES if fractions or "query_targets" in arrays else ""
