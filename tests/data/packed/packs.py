"""Folders of images of several kinds, and stores packed from them."""

import json

import numpy as np
from PIL import Image

from imprint.data.open import inspect_images
from imprint.data.packed.header import HEADER, hash_table
from imprint.data.packed.write import write_pack


def texture(width, height, seed):
    coarse = np.random.default_rng(seed).integers(0, 256, (height // 4 + 1, width // 4 + 1, 3))
    fine = coarse.repeat(4, axis=0).repeat(4, axis=1)[:height, :width]
    return Image.fromarray(fine.astype(np.uint8))


def folder_of(root, count=7, sizes=((24, 24),), suffixes=("jpg",), mode="RGB"):
    """Write images of two classes, whose sizes and kinds take turns."""
    for row in range(count):
        place = root / ("ant" if row % 2 else "bee")
        place.mkdir(parents=True, exist_ok=True)
        picture = texture(*sizes[row % len(sizes)], row).convert(mode)
        picture.save(place / f"{row:02d}.{suffixes[row % len(suffixes)]}")
    return root


UNEVEN = {"sizes": ((40, 30), (24, 24), (9, 33)), "suffixes": ("jpg", "png", "gif", "bmp")}


def pack_folder(root, path, keep="auto", **options):
    """Pack what lies in a folder; return what was packed, and what the store holds."""
    source = inspect_images(root, **options).images
    write_pack(source, path, keep)
    return source, inspect_images(path).images


def change_table(path, name, table):
    """Replace a table of a store, and its hash in the header."""
    np.save(path / f"{name}.npy", table)
    change_header(path, tables={**header_of(path)["tables"], name: hash_table(table)})


def header_of(path):
    return json.loads((path / HEADER).read_text())


def change_header(path, **changes):
    (path / HEADER).write_text(json.dumps({**header_of(path), **changes}))
