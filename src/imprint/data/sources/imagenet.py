"""ImageNet: ``train/WNID/WNID_NUMBER.JPEG``, and Pascal VOC boxes ``WNID/WNID_NUMBER.xml``.

Images lie in the folder itself or, as published for the challenge, in ``Data/CLS-LOC``. Boxes are
looked for at ``Annotation``, ``BBOX/Annotation`` and ``Annotations/CLS-LOC/PART``. Not every image
is annotated.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from imprint.core.errors import ImprintError
from imprint.data.folder_contents import folder_names, image_names
from imprint.data.sources.folder import list_classes, part_folder
from imprint.data.sources.registry import ImageListing, Layout, class_names, layouts

WNID = re.compile(r"n\d{8}")


def open_imagenet(root: Path, part: str | None) -> ImageListing:
    """List the images of ImageNet, and find its folder of boxes.

    Classes are called by their words where the folder holds ``words.txt`` or the challenge's
    ``LOC_synset_mapping.txt``.

    Raises:
        ImprintError: no such part, a class folder that is not named by a WordNet id, or a class
            without images.
    """
    folder = part_folder(_images_root(root), part)
    wnids = folder_names(folder)
    stranger = next((name for name in wnids if not WNID.fullmatch(name)), None)
    if stranger is not None:
        raise ImprintError(
            f"{folder / stranger} is not named by a WordNet id (n and eight digits): remove it, "
            "or open the class folders as --layout folder"
        )
    words = next((root / name for name in _WORDS if (root / name).is_file()), root / _WORDS[0])
    listing = list_classes(root, folder, wnids, classes=class_names(wnids, words))
    boxes = (*(root / name for name in _BOXES), root / "Annotations" / "CLS-LOC" / folder.name)
    return replace(listing, voc_folder=next((path for path in boxes if path.is_dir()), None))


_WORDS = ("words.txt", "LOC_synset_mapping.txt")
_BOXES = ("Annotation", "BBOX/Annotation")


def _images_root(root: Path) -> Path:
    challenge = root / "Data" / "CLS-LOC"
    return challenge if challenge.is_dir() else root


def _recognises(root: Path) -> bool:
    if not root.is_dir() or (root / "imagenet_index.npz").is_file():
        return False
    folder = part_folder(_images_root(root), None)
    names = folder_names(folder)
    are_wnids = bool(names) and all(WNID.fullmatch(name) for name in names)
    return are_wnids and bool(image_names(folder / names[0]))


layouts.register("imagenet")(
    Layout("train/n01440764/n01440764_18.JPEG", _recognises, open_imagenet)
)
