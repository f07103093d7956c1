"""A packed store, written by ``imprint data pack``: the same set as the data that was packed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.data.imageset import BoxEnds
from imprint.data.packed.header import is_packed
from imprint.data.packed.images import images_of
from imprint.data.packed.pack import Pack, open_pack
from imprint.data.sources.registry import ImageListing, Layout, layouts


def open_packed(root: Path, part: str | None) -> ImageListing:
    """Return the images of a packed store.

    Raises:
        ImprintError: it is damaged or of another schema, or another part was packed.
    """
    pack = open_pack(root)
    if part is not None and part != pack.header.part:
        packed = repr(pack.header.part) if pack.header.part else "the training part"
        raise ImprintError(
            f"{root} holds {packed}, not {part!r}: leave --part out, or pack that part"
        )
    return ImageListing(
        images_of(pack),
        pack.header.class_folders,
        _as_written(pack),
        pack.header.box_ends or "exclusive",
    )


def _as_written(pack: Pack) -> list[FloatArray] | None:
    if pack.boxes is None:
        return None
    reach = _reach(pack.header.box_ends)
    return [(table - reach).astype(np.float64) for table in pack.boxes]


def _reach(ends: BoxEnds | None) -> IntArray:
    """Return what boxes that name their last column and row have less at their ends."""
    return np.array([0, 0, 1, 1], dtype=np.int64) * (ends == "inclusive")


layouts.register("packed")(
    Layout("header.json beside pixels.npy or encoded.bin", is_packed, open_packed)
)
