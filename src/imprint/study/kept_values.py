"""Values that a resumable step keeps while it is at work, so that a later call need not repeat it.

>>> from tempfile import mkdtemp
>>> folder = Path(mkdtemp())
>>> kept_value(folder / "half.json", lambda: [0.5])
[0.5]
>>> kept_value(folder / "half.json", lambda: [0.0])
[0.5]
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from imprint.study.json_io import read_json, write_json


def kept_value(file: Path, compute: Callable[[], Any]) -> Any:
    """Return the value in a file, or compute it and keep it there.

    Args:
        file: JSON, in which floats come back to the last bit.
        compute: gives a JSON value, without NaN.

    Raises:
        ImprintError: the file is not JSON.
    """
    if not file.exists():
        write_json(file, compute())
    return read_json(file)
