"""Boxes written as Pascal VOC files, ``CLASS/STEM.xml``, the layout that ImageNet's boxes have."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from imprint.core.durable import replacing

CORNERS = ("xmin", "ymin", "xmax", "ymax")


def write_voc(
    file: Path,
    boxes: Sequence[Sequence[int]],
    size: tuple[int, int],
    folder: str,
    picture: str,
    name: str,
    channels: int = 3,
    scores: Sequence[float] | None = None,
) -> None:
    """Write the boxes of one image, whole or not at all.

    Args:
        file: ``CLASS/STEM.xml``.
        boxes: (x0, y0, x1, y1) each, whole pixels of the image.
        size: (width, height) of the image.
        folder: name of the folder of the image's class.
        picture: name of the image's file.
        name: of the class of all objects.
        channels: of the image.
        scores: of the boxes, where a detector found them.
    """
    root = ElementTree.Element("annotation")
    _add(root, "folder", folder)
    _add(root, "filename", picture)
    extent = ElementTree.SubElement(root, "size")
    for key, value in zip(("width", "height", "depth"), (*size, channels), strict=True):
        _add(extent, key, str(value))
    for row, box in enumerate(boxes):
        item = ElementTree.SubElement(root, "object")
        _add(item, "name", name)
        if scores is not None:
            _add(item, "score", f"{scores[row]:.6f}")
        corners = ElementTree.SubElement(item, "bndbox")
        for key, value in zip(CORNERS, box, strict=True):
            _add(corners, key, str(value))
    ElementTree.indent(root)
    with replacing(file) as temporary:
        ElementTree.ElementTree(root).write(temporary, encoding="utf-8", xml_declaration=True)


def _add(parent: ElementTree.Element, key: str, text: str) -> None:
    ElementTree.SubElement(parent, key).text = text
