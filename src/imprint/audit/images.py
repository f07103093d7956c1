"""The images an audit was asked to look at."""

from __future__ import annotations

from imprint.data.imageset import ImageSet
from imprint.options import DataChoice


def open_choice(choice: DataChoice, seed: int) -> ImageSet:
    """Return the images of the user's choice; sets of small equal images come into memory.

    Raises:
        ImprintError: no such data, or images and boxes that cannot be used.
    """
    if choice.data == "composite":
        from imprint.data.sources.composite import composite

        return composite(choice.composite_count, choice.background_correlation, seed)
    from pathlib import Path

    from imprint.data.files import in_memory
    from imprint.data.open import open_images

    images = open_images(
        Path(choice.data),
        layout=choice.layout,
        part=choice.part or None,
        boxes=choice.boxes,
        on_bad_box=choice.on_bad_box,
        skip_corrupt=choice.skip_corrupt,
    )
    return in_memory(images)
