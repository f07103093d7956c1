"""Pictures of unique faults beside their seeds, for the report, and a montage of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imprint.core.arrays import IntArray, Pixels
from imprint.core.errors import ImprintError
from imprint.data.picture import to_picture
from imprint.lenses.coverage.fuzzing.mutation import MUTATIONS
from imprint.lenses.coverage.fuzzing.mutations.diffusion import DIFFUSION, Diffusion
from imprint.reading.regular import UnreadableFile
from imprint.reading.weights_files import read_safetensors
from imprint.report.gallery import Card, CardPicture, Line, write_gallery
from imprint.report.wording import count, fixed
from imprint.study.counted import uncounted
from imprint.study.step import Step
from imprint.study.store import Study
from imprint.study.tables import Table, read_table

MAX_SHOWN = 60
MONTAGE_COLUMNS = 10
MONTAGE_SIDE = 64
"""Least side of a picture of the montage, in pixels."""


@dataclass(frozen=True, eq=False)
class Faults:
    """The unique faults of a search.

    Attributes:
        images: uint8 ``[u, channels, H, W]``.
        seeds: uint8 ``[u, channels, H, W]``.
        minimised: uint8 ``[k, channels, H, W]``, of the first k; k may be 0.
        pairs: int64 ``[u, 2]``, expected and predicted class.
        mutations: a row per fault and mutation.
        number: int64 ``[u]``, the forward pass that found each.
    """

    images: Pixels
    seeds: Pixels
    minimised: Pixels
    pairs: IntArray
    mutations: Table
    number: IntArray

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class SaveFaultPictures(Step):
    """``gallery/fuzzing``: a card a fault with its PNG files, and ``montage.png`` of them all."""

    classes: tuple[str, ...]
    study: Study = uncounted()

    artefact = "gallery/fuzzing"
    inputs = ("fuzzing",)

    def build(self, path: Path) -> None:
        """Write the pictures of faults of all pairs of classes."""
        faults = read_faults(self.study.path("fuzzing"))
        path.mkdir(exist_ok=True)
        chosen = spread_over_pairs(faults.pairs, MAX_SHOWN)
        write_gallery(path, [_card(path, faults, row, self.classes) for row in chosen])
        if chosen:
            montage(faults.images[chosen]).save(path / "montage.png")


def read_faults(folder: Path) -> Faults:
    """Return the unique faults of a search.

    Raises:
        ImprintError: a file is missing or damaged.
    """
    table, mutations = (read_table(folder / f"{name}.parquet") for name in ("faults", "mutations"))
    try:
        tensors = read_safetensors(folder / "faults.safetensors")
        images, seeds, expected, predicted = (
            tensors[name].numpy() for name in ("images", "seeds", "expected", "predicted")
        )
        minimised = tensors["minimised"].numpy() if "minimised" in tensors else images[:0]
        _, first = np.unique(table["unique"], return_index=True)
        # Beyond the memory of a search, faults are counted without their images.
        number = table["number"][first[: len(images)]]
        _check_faults(images, seeds, minimised, number)
        for classes in (expected, predicted):
            if classes.shape != (len(images),) or classes.dtype != np.int64:
                raise ValueError("classes are not one whole number an image")
    except (OSError, UnreadableFile, KeyError, TypeError, ValueError) as error:
        raise ImprintError(f"{folder} is damaged ({error}): delete it and run again") from error
    pairs = np.stack([expected, predicted], 1)
    return Faults(images, seeds, minimised, pairs, mutations, number)


def _check_faults(images: Pixels, seeds: Pixels, minimised: Pixels, number: IntArray) -> None:
    """Check that arrays are of the same images.

    Raises:
        ValueError: they are not.
    """
    shapes = {images.shape[1:], seeds.shape[1:], minimised.shape[1:]}
    if images.ndim != 4 or len(shapes) > 1 or 0 in images.shape[1:]:  # of images
        raise ValueError("images have other shapes than their seeds")
    if {images.dtype, seeds.dtype, minimised.dtype} != {np.dtype(np.uint8)}:
        raise ValueError("images are not uint8")
    if not len(images) == len(seeds) == len(number) or len(minimised) > len(images):
        raise ValueError("images, seeds and faults are not as many")


def spread_over_pairs(pairs: IntArray, most: int) -> list[int]:
    """Return rows of faults, one of each pair of classes in turn.

    >>> spread_over_pairs(np.array([[0, 1], [0, 1], [2, 1], [0, 1]]), 3)
    [0, 2, 1]
    """
    by_pair: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for row, pair in enumerate(pairs.tolist()):
        by_pair[tuple(pair)].append(row)
    ranked = sorted(
        (place, -len(rows), row) for rows in by_pair.values() for place, row in enumerate(rows)
    )
    return [row for *_, row in ranked[:most]]


def montage(images: Pixels) -> Image.Image:
    """Return images side by side in rows of ten, in their own order, as one picture."""
    side = max(images.shape[2:])
    scale = max(1, -(-MONTAGE_SIDE // side))
    width, height = scale * images.shape[3], scale * images.shape[2]
    columns = min(len(images), MONTAGE_COLUMNS)
    rows = -(-len(images) // columns)
    sheet = Image.new("RGB", (columns * (width + 2) - 2, rows * (height + 2) - 2), "white")
    for place, image in enumerate(images):
        picture = to_picture(image).resize((width, height), Image.Resampling.NEAREST)
        at = (place % columns * (width + 2), place // columns * (height + 2))
        sheet.paste(picture.convert("RGB"), at)
    return sheet


def describe_mutations(table: Table, row: int) -> str:
    """Return the mutations that are left of a fault, in their order, with their amounts."""
    own = np.flatnonzero(table["index"] == row)
    words = []
    for place in own:
        left = (float(table["first_left"][place]), float(table["second_left"][place]))
        found = (float(table["first_amount"][place]), float(table["second_amount"][place]))
        amounts = found if np.isnan(left[0]) else left
        name = str(table["mutation"][place])
        if amounts != (0.0, 0.0):
            words.append(_describe(name, amounts))
    return ", ".join(words)


def _describe(name: str, amounts: tuple[float, float]) -> str:
    mutation = Diffusion if name == DIFFUSION else MUTATIONS.get(name)
    if not mutation.is_gradual:
        return name
    shown = [amount for place, amount in enumerate(amounts) if amount or not place]
    digits = 0 if max(map(abs, shown)) >= 10 else 2
    numbers = " and ".join(fixed(digits, sign=True)(amount) for amount in shown)
    return f"{name} {numbers}{mutation.unit}"


def _card(folder: Path, faults: Faults, row: int, classes: Sequence[str]) -> Card:
    expected, predicted = (_name(label, classes) for label in faults.pairs[row].tolist())
    is_minimised = row < len(faults.minimised)
    image = faults.minimised[row] if is_minimised else faults.images[row]
    pictures = (
        _picture(folder, f"seed_{row}", faults.seeds[row], "seed", expected),
        _picture(
            folder, f"fault_{row}", image, "minimised" if is_minimised else "mutant", predicted
        ),
    )
    return Card(
        title=f"{expected} → {predicted}",
        name=f"found in forward pass {count(int(faults.number[row]))}",
        pictures=pictures,
        lines=(Line(describe_mutations(faults.mutations, row)),),
        facets={"Expected": expected, "Predicted": predicted},
    )


def _picture(
    folder: Path, name: str, pixels: NDArray[np.uint8], kind: str, label: str
) -> CardPicture:
    file = f"{name}.png"
    to_picture(pixels).save(folder / file)
    return CardPicture(file, f"{kind}, predicted {label}", f"{kind}\n{label}")


def _name(label: int, classes: Sequence[str]) -> str:
    return classes[label] if label < len(classes) else str(label)
