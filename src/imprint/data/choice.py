"""The images an audit was asked to look at."""

from __future__ import annotations

from typing import Any

from imprint.core.errors import ImprintError
from imprint.data.files import box_facts, in_memory
from imprint.data.imageset import ImageSet
from imprint.study.options import DataChoice

EMBEDDED = "composite"
OF_FILES = ("layout", "part", "boxes", "on_bad_box", "box_ends", "box_margin", "skip_corrupt")
OF_EMBEDDED = ("composite_count", "background_correlation")


def open_choice(choice: DataChoice, seed: int, decoded: bool = True) -> ImageSet:
    """Return the images of the user's choice.

    Args:
        choice: what to open.
        seed: of the embedded set.
        decoded: bring sets of small equal images into memory.

    Raises:
        ImprintError: no such data, images and boxes that cannot be used, or an option that does
            not apply to such data.
    """
    if choice.data == EMBEDDED:
        _refuse(choice, OF_FILES, "images of your own, not to the embedded set")
        from imprint.data.sources.composite import composite

        return composite(choice.composite_count, choice.background_correlation, seed)
    _refuse(choice, OF_EMBEDDED, f"the embedded set alone, not to {choice.data}")
    from pathlib import Path

    from imprint.data.open import open_images

    images = open_images(
        Path(choice.data),
        layout=choice.layout,
        part=choice.part or None,
        boxes=choice.boxes,
        on_bad_box=choice.on_bad_box,
        skip_corrupt=choice.skip_corrupt,
        box_ends=choice.box_ends,
        box_margin=choice.box_margin,
    )
    return in_memory(images) if decoded else images


def image_facts(images: ImageSet) -> dict[str, Any]:
    """Return what every summary says of a set of images."""
    reading = box_facts(images)
    boxes = {} if reading is None else {"box_ends": reading.ends, "box_margin": reading.margin}
    return {
        "name": images.name,
        "images": len(images),
        "classes": len(images.classes),
        "class_names": list(images.classes),
        "fingerprint": images.fingerprint(),
        **boxes,
    }


def _refuse(choice: DataChoice, names: tuple[str, ...], applies_to: str) -> None:
    """Refuse options that were set, but would be ignored."""
    defaults = DataChoice()
    for name in names:
        if getattr(choice, name) != getattr(defaults, name):
            flag = "--" + name.replace("_", "-")
            raise ImprintError(f"{flag} applies to {applies_to}: leave it out")
