"""Hugging Face datasets: ``hf:FOLDER``, written by ``save_to_disk`` or fetched from the Hub.

Arrow and Parquet files are read by pyarrow alone: nothing is downloaded, and no program of a data
set is run. Images are the column of type Image (bytes of JPEG, PNG, …), labels that of type
ClassLabel, with its names; without such types, the only columns that can be meant. Others are
chosen by ``hf:FOLDER#image=img,label=fine_label``. Images are numbered by their rows. They are
called by the paths that the data keeps, where these differ, else by part and row. The list ``bbox``
of a column ``objects`` holds boxes as (x, y, width, height).

Encoded images stay in their files (:mod:`imprint.data.encoded.byte_ranges`); arrays of pixels
(Array3D) come into memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from imprint.core.errors import ImprintError
from imprint.core.progress import log, track
from imprint.data.encoded.byte_ranges import ByteRanges
from imprint.data.encoded.contents import Contents
from imprint.data.encoded.large_files import LargeFiles
from imprint.data.encoded.user_cache import Stamp, stamp_file
from imprint.data.files import EncodedImages
from imprint.data.labels import distinct_names, numbered_labels
from imprint.data.places import CHOICES, folder_of
from imprint.data.sources.folder import set_name
from imprint.data.sources.registry import ImageListing, Layout, layouts
from imprint.data.tables.arrow_rows import read_arrow_rows
from imprint.data.tables.columns import Chosen, Columns, choose_columns
from imprint.data.tables.parquet_rows import read_parquet_rows
from imprint.data.tables.part_files import PartFiles, is_dataset, part_files
from imprint.data.tables.pixel_arrays import read_pixels
from imprint.data.tables.row_groups import RowGroups
from imprint.data.tables.rows import TableRows
from imprint.reading.arrow_files import arrow_errors, map_arrow, open_parquet


def open_huggingface(root: Path, part: str | None) -> ImageListing:
    """List the images of one part.

    Args:
        root: a folder or file; after ``#``, columns that are chosen in it.
        part: a split, such as test; None for train, or the only one.

    Raises:
        ImprintError: no such part, a file is missing or damaged, no column or several may hold
            the images or labels, or rows lack bytes or classes.
    """
    folder = folder_of(root)
    chosen = _chosen(root, folder)
    files = part_files(folder, part)
    columns = _columns(files, chosen)
    stamps = tuple(stamp_file(file) for file in files.files)
    name = set_name(folder)
    if columns.is_pixels:
        return ImageListing(read_pixels(files, columns, name))
    listed = [
        _rows(file, files.is_parquet, columns, stamp)
        for file, stamp in track(
            list(zip(files.files, stamps, strict=True)), f"list {name}", len(stamps), "file"
        )
    ]
    contents = _contents(files, stamps, columns, listed, name)
    written = [label for rows in listed for label in rows.labels]
    unnamed = [""] * len(written)
    labels, classes = numbered_labels(written, unnamed, columns.classes, str(folder))
    boxes = [table for rows in listed for table in rows.boxes or ()]
    images = EncodedImages(contents, labels, distinct_names(classes), name)
    return ImageListing(images, boxes=boxes if columns.boxes else None)


def _chosen(root: Path, folder: Path) -> Chosen:
    text = str(root)[len(str(folder)) :].removeprefix(CHOICES)
    pairs = dict(pair.partition("=")[::2] for pair in text.split(",")) if text else {}
    if not set(pairs) <= {"image", "label"}:
        raise ImprintError(
            f"{root}: after {CHOICES} comes image=COLUMN or label=COLUMN, or both with a comma"
        )
    return Chosen(**pairs)


def _columns(files: PartFiles, chosen: Chosen) -> Columns:
    """Return the columns of the files, which all have the same."""
    columns: Columns | None = None
    for file in files.files:
        schema = open_parquet(file).schema_arrow if files.is_parquet else map_arrow(file)[1]
        with arrow_errors(file):  # names that are not UTF-8
            own = choose_columns(schema, chosen, str(file))
        if columns is not None and own != columns:
            raise ImprintError(
                f"{file} has other columns or classes than {files.files[0].name}: write the data "
                "again"
            )
        columns = own
    assert columns is not None
    return columns


def _rows(file: Path, is_parquet: bool, columns: Columns, stamp: Stamp) -> TableRows:
    return read_parquet_rows(file, columns, stamp) if is_parquet else read_arrow_rows(file, columns)


def _contents(
    files: PartFiles,
    stamps: tuple[Stamp, ...],
    columns: Columns,
    listed: Sequence[TableRows],
    name: str,
) -> Contents:
    counts = [len(rows) for rows in listed]
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    large = LargeFiles(files.files, stamps, starts)
    names = _names(files, [path for rows in listed for path in rows.paths])
    places = [
        (rows.offsets, rows.lengths)
        for rows in listed
        if rows.offsets is not None and rows.lengths is not None
    ]
    if len(places) == len(listed):
        offsets, lengths = (np.concatenate(part) for part in zip(*places, strict=True))
        return ByteRanges(large, names, offsets, lengths, columns.content_leaf, name)
    log(
        f"{name}: the images are compressed once more within Parquet, or kept in a dictionary, so "
        "whole row groups are unpacked for each: imprint data pack makes a copy that is read faster"
    )
    return RowGroups(large, names, columns, name)


def _names(files: PartFiles, paths: Sequence[str]) -> list[str]:
    """Return the paths that the data keeps, if each image has its own, or numbers."""
    plain = [path.replace("\\", "/").removeprefix("./") for path in paths]
    are_names = len(set(plain)) == len(plain) and all(
        path and not path.startswith("/") and ".." not in path.split("/") and "\0" not in path
        for path in plain
    )
    if are_names:
        return plain
    return [f"{files.part or 'row'}/{row:08d}" for row in range(len(plain))]


layouts.register("huggingface")(
    Layout(
        "data/train-00000-of-00001.parquet or state.json",
        lambda root: is_dataset(folder_of(root)),
        open_huggingface,
    )
)
