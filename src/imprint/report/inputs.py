"""What the page reads from a study folder, checked: findings, tables, pictures.

A study may be damaged or made by another version; whatever is missing is told by its name.
"""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import Path

from imprint.core.errors import ImprintError
from imprint.reading.regular import read_bytes
from imprint.study.tables import Table, read_table

MAX_PICTURE_BYTES = 64 << 20
MAX_PICTURE_PIXELS = 20_000_000

ENLARGE_BELOW = 128


@dataclass(frozen=True)
class Picture:
    """A PNG file as the page holds it.

    Attributes:
        uri: the whole file as a ``data:`` URI.
        width: in pixels.
        height: in pixels.
    """

    uri: str
    width: int
    height: int

    @property
    def small(self) -> bool:
        """Whether it is shown enlarged, so that its pixels had better stay squares."""
        return max(self.width, self.height) < ENLARGE_BELOW


def read_columns(path: Path, *names: str) -> Table:
    """Return a table that has the named columns.

    Raises:
        ImprintError: the table is missing, damaged, empty or lacks one of them.
    """
    try:
        table = read_table(path)
    except OSError as error:
        raise ImprintError(f"{path} is damaged ({error}): delete it and run again") from error
    missing = [name for name in ("index", *names) if name not in table]
    if missing:
        raise ImprintError(f"{path} has no column {', '.join(missing)}: delete it and run again")
    if len(table["index"]) == 0:
        raise ImprintError(f"{path} has no rows: delete it and run again")
    return table


def read_picture(folder: Path, name: str) -> Picture:
    """Return the PNG file ``name`` of a gallery folder.

    Raises:
        ImprintError: the name leads out of the folder, or the file is missing or not a PNG.
    """
    from PIL import Image

    if Path(name).name != name or not name.endswith(".png"):
        raise ImprintError(f"{folder}: picture {name!r} must be the name of a PNG in this folder")
    path = folder / name
    try:
        content = read_bytes(path, MAX_PICTURE_BYTES)
        with Image.open(io.BytesIO(content), formats=("PNG",)) as image:
            width, height = image.size
            if width * height > MAX_PICTURE_PIXELS:
                raise ValueError(f"{width} × {height} pixels")
            image.load()
    except FileNotFoundError:
        raise ImprintError(f"no picture {path}: delete {folder} and run the audit again") from None
    except Exception as error:  # Pillow raises nearly anything on a damaged picture
        raise ImprintError(
            f"{path} is not a PNG picture: delete {folder} and run the audit again"
        ) from error
    text = base64.b64encode(content).decode("ascii")
    return Picture(f"data:image/png;base64,{text}", width, height)
