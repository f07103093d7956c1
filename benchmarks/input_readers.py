"""Readers of one set of JPEGs, imprint's and others', one pass at a time: for ``input_rates.py``.

Each reader is a function of (place, work) that returns a callable; called, it yields the batches of
one pass as uint8 ``[b, 3, side, side]``. Only the packages of one reader are imported, so that the
others may be missing. Loaders keep their workers from pass to pass.
"""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

BATCH = 256
SHARDS = 4


@dataclass(frozen=True)
class Work:
    """What is read.

    Attributes:
        side: of the squares.
        crops: whether they are the centres of larger images; else whole images of that side.
        workers: processes of a loader, threads of imprint.
    """

    side: int
    crops: bool
    workers: int


Passes = Callable[[], Iterator[np.ndarray]]


def centre(pixels: np.ndarray, work: Work) -> np.ndarray:
    """Return the centre of an image ``[H, W, 3]``, or all of it, as ``[3, side, side]``."""
    if work.crops:
        top, left = ((length - work.side) // 2 for length in pixels.shape[:2])
        pixels = pixels[top : top + work.side, left : left + work.side]
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def by_pillow(content: bytes) -> np.ndarray:
    """Decode with Pillow."""
    from PIL import Image

    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("RGB"))


def by_simplejpeg(content: bytes) -> np.ndarray:
    """Decode with simplejpeg."""
    import simplejpeg

    return simplejpeg.decode_jpeg(content)


def imprint_set(place: str, work: Work) -> Passes:
    """Images of imprint, in random order, a batch at a time on its threads."""
    from imprint.data.files import stream
    from imprint.data.open import open_images

    images = open_images(Path(place))
    sizes = images.sizes().astype(np.float64)
    corner = np.floor((sizes - work.side) / 2)
    rectangles = np.concatenate([corner, corner + work.side], axis=1)
    random = np.random.default_rng(0)

    def one_pass() -> Iterator[np.ndarray]:
        order = random.permutation(len(images))
        return stream(images, order, rectangles[order], work.side, BATCH)

    return one_pass


def loader(source: Any, work: Work, **settings: Any) -> Passes:
    """Batches of torch's DataLoader."""
    import torch

    torch.set_num_threads(1)
    made = torch.utils.data.DataLoader(
        source,
        BATCH,
        num_workers=work.workers,
        persistent_workers=True,
        collate_fn=lambda items: torch.from_numpy(np.stack(items)),
        **settings,
    )
    return lambda: (batch.numpy() for batch in made)


class Folder:
    """Files of class folders, as torchvision's ImageFolder lists, opens and converts them."""

    def __init__(self, place: str, work: Work) -> None:
        self.work = work
        self.files = sorted(str(file) for file in Path(place).glob("*/*"))

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, row: int) -> np.ndarray:
        from PIL import Image

        with open(self.files[row], "rb") as file:
            image = Image.open(file).convert("RGB")
        return centre(np.asarray(image), self.work)


def image_folder(place: str, work: Work) -> Passes:
    """Pillow and ImageFolder in a DataLoader, shuffled."""
    return loader(Folder(place, work), work, shuffle=True)


class Rows:
    """Rows of Hugging Face datasets, decoded by datasets, or by simplejpeg from their bytes."""

    def __init__(self, place: str, work: Work, decoded: bool) -> None:
        import datasets

        rows = datasets.load_from_disk(place)
        self.rows = rows if decoded else rows.cast_column("image", datasets.Image(decode=False))
        self.work, self.decoded = work, decoded

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, row: int) -> np.ndarray:
        image = self.rows[row]["image"]
        pixels = np.asarray(image.convert("RGB")) if self.decoded else by_simplejpeg(image["bytes"])
        return centre(pixels, self.work)


def datasets_pillow(place: str, work: Work) -> Passes:
    """Hugging Face datasets in a DataLoader, shuffled."""
    return loader(Rows(place, work, decoded=True), work, shuffle=True)


def datasets_simplejpeg(place: str, work: Work) -> Passes:
    """The same, its bytes decoded by simplejpeg."""
    return loader(Rows(place, work, decoded=False), work, shuffle=True)


def web(place: str, work: Work, decode: Callable[[bytes], np.ndarray]) -> Passes:
    """WebDataset: shards in random order, samples through a buffer of 1,000."""
    import webdataset

    shards = sorted(str(file) for file in Path(place).glob("*.tar"))
    source = webdataset.WebDataset(shards, shardshuffle=len(shards), seed=0).shuffle(1000)
    squares = source.to_tuple("jpg").map(lambda sample: centre(decode(sample[0]), work))
    return loader(squares, work)


def webdataset_pillow(place: str, work: Work) -> Passes:
    """WebDataset, decoded by Pillow, as its rgb8 does."""
    return web(place, work, by_pillow)


def webdataset_simplejpeg(place: str, work: Work) -> Passes:
    """WebDataset, decoded by simplejpeg."""
    return web(place, work, by_simplejpeg)


def litdata_of(place: str, work: Work, decode: Callable[[bytes], np.ndarray]) -> Passes:
    """LitData: chunks written by its optimize, shuffled."""
    import litdata

    class Squares(litdata.StreamingDataset):  # type: ignore[misc]
        def __getitem__(self, row: Any) -> np.ndarray:
            return centre(decode(super().__getitem__(row)["jpg"]), work)

    source = Squares(place, shuffle=True, drop_last=False)
    made = litdata.StreamingDataLoader(
        source,
        batch_size=BATCH,
        num_workers=work.workers,
        persistent_workers=True,
        collate_fn=np.stack,
    )
    return lambda: iter(made)


def litdata_pillow(place: str, work: Work) -> Passes:
    """LitData, decoded by Pillow."""
    return litdata_of(place, work, by_pillow)


def litdata_simplejpeg(place: str, work: Work) -> Passes:
    """LitData, decoded by simplejpeg."""
    return litdata_of(place, work, by_simplejpeg)


def write_litdata(folder: Path, out: Path) -> None:
    """Write LitData's chunks of the files of a folder.

    By its writer alone: its optimize also empties the folders ``data`` and ``chunks`` of the folder
    for temporary files, whatever they hold, unless it is told of others.
    """
    from litdata.streaming.writer import BinaryWriter

    writer = BinaryWriter(str(out), chunk_bytes=8 << 20)
    for row, file in enumerate(sorted(folder.glob("*/*"))):
        writer[row] = {"jpg": file.read_bytes(), "label": 0}
    writer.done()
    writer.merge(1)


READERS: dict[str, tuple[str, str, Callable[[str, Work], Passes]]] = {
    "imprint, packed store": ("imprint", "packed", imprint_set),
    "imprint, folder": ("imprint", "folder", imprint_set),
    "imprint, hf: Arrow": ("imprint", "arrow", imprint_set),
    "imprint, hf: Parquet": ("imprint", "parquet", imprint_set),
    "imprint, shards": ("imprint", "shards", imprint_set),
    "ImageFolder + Pillow": ("torch", "folder", image_folder),
    "datasets": ("datasets", "arrow", datasets_pillow),
    "datasets + simplejpeg": ("datasets", "arrow", datasets_simplejpeg),
    "webdataset": ("webdataset", "shards", webdataset_pillow),
    "webdataset + simplejpeg": ("webdataset", "shards", webdataset_simplejpeg),
    "litdata + Pillow": ("litdata", "litdata", litdata_pillow),
    "litdata + simplejpeg": ("litdata", "litdata", litdata_simplejpeg),
}
"""By name: the package that is needed, the form in which the images are, and the reader."""


def cpu_seconds() -> float:
    """Return the processor time of this process and of all below it, those to 10 ms."""
    ticks = os.sysconf("SC_CLK_TCK")
    children: dict[int, list[int]] = {}
    used: dict[int, float] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            children.setdefault(int(fields[1]), []).append(int(entry.name))
            used[int(entry.name)] = sum(map(int, fields[11:15])) / ticks
    todo, total = list(children.get(os.getpid(), ())), time.process_time()
    while todo:
        process = todo.pop()
        total += used.get(process, 0.0)
        todo += children.get(process, [])
    return total
