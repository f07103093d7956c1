"""What records can be made from: one file a source in ``sources/``, recognised by type or name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from imprint.core.registry import Registry
from imprint.data.records.records import Rows
from imprint.data.view import View


@dataclass(frozen=True)
class Reading:
    """What the user says of a source.

    Attributes:
        name: what the set is called, for messages.
        target: name of the column of targets; empty to find it.
        group: name of the column of groups; empty for none.
        apart: whether targets are given apart from the source.
        image_size: side of squares that images are read as; None for the size they have.
        part: of a data set with parts: train, val, test …; None for its training part.
    """

    name: str = "records"
    target: str = ""
    group: str = ""
    apart: bool = False
    image_size: int | None = None
    part: str | None = None


@dataclass(frozen=True, eq=False)
class Content:
    """What a source holds.

    Attributes:
        inputs: of the model.
        targets: numbers or texts ``[n]`` or ``[n, d]``; None for none.
        classes: names of the classes that whole targets number; empty where nothing names them.
        groups: numbers or texts ``[n]``; None for none.
        names: one a record; empty for none.
        images: the view that the inputs are squares of; None where they are no images.
    """

    inputs: Rows
    targets: NDArray[Any] | None = None
    classes: tuple[str, ...] = ()
    groups: NDArray[Any] | None = None
    names: Sequence[str] = ()
    images: View | None = None


@dataclass(frozen=True)
class RecordSource:
    """One kind of source.

    Attributes:
        recognises: whether an object is of this kind; looks at types and names of files alone, and
            imports nothing heavy.
        open: returns what it holds.
        order: the lowest is asked first.
        words: what these are, for messages.
    """

    recognises: Callable[[Any], bool]
    open: Callable[[Any, Reading], Content]
    order: int
    words: str


RECORD_SOURCES: Registry[RecordSource] = Registry(
    "kind of records", "imprint.data.records.sources", group="imprint.records"
)
