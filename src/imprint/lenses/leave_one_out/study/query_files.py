"""Array files of queries: on their own, or the file of a fit, which holds its records too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from imprint.core.progress import log
from imprint.study.array_file import read_any_npz

RECORDS = ("x", "y", "kernel")
"""Arrays of the records of a fit."""


def read_query_file(file: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of a file by name, without those of the records of a fit.

    Raises:
        ImprintError: no such file, damaged or not ``.npz``.
    """
    arrays = read_any_npz(file)
    records = [name for name in RECORDS if name in arrays]
    queries = {name: values for name, values in arrays.items() if name not in RECORDS}
    if records and queries:
        log(f"{file}: {', '.join(records)} are those of a fit, the queries alone are read")
    return queries
