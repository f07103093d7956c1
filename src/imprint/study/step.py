r"""A step of a study: a frozen dataclass whose fields are its card.

A step that takes its settings from around it can forget one on its card; then the step is passed
over although it would come out otherwise, and old results stand beside new options. A step that
has nothing but its own fields cannot: :meth:`Study.run` puts every field on the card, a
dataclass of options field by field. Paths among options are left out: the content of a file counts,
as one of the ``inputs`` or as a hash in a field of the step.

>>> from dataclasses import dataclass
>>> from tempfile import mkdtemp
>>> from imprint.study.counted import uncounted
>>> from imprint.study.store import Study, write_json
>>> @dataclass(frozen=True)
... class Square(Step):
...     number: int
...     threads: int = uncounted(default=1)
...
...     artefact = "square.json"
...
...     def build(self, path: Path) -> None:
...         write_json(path, self.number**2)
>>> Study(Path(mkdtemp())).run(Square(3)).read_text()
'9\n'
>>> card_of(Square(3, threads=2))
{'number': 3}
"""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np

from imprint.study.counted import counts
from imprint.study.hashing import hash_arrays


@runtime_checkable
class Fingerprinted(Protocol):
    """What a hash of its content stands for on a card: a set of images, a network."""

    def fingerprint(self) -> str:
        """Return the hash of the content."""
        ...


class Step:
    """One step; a subclass is a frozen dataclass.

    Attributes:
        artefact: name of what it makes, relative to the study; a property where it varies.
        inputs: names of the artefacts that it reads.
        resumable: whether ``build`` goes on from what a killed call left behind.
    """

    artefact: ClassVar[str]
    inputs: ClassVar[tuple[str, ...]] = ()
    resumable: ClassVar[bool] = False

    @abstractmethod
    def build(self, path: Path) -> None:
        """Write the artefact, a file or a folder, at ``path``."""


def card_of(step: Step) -> Mapping[str, Any]:
    """Return what the artefact of a step depends on, as JSON values by field.

    Raises:
        TypeError: a field holds what no card can state, such as a bare path.
    """
    return {
        field.name: _plain(getattr(step, field.name), field.name)
        for field in dataclasses.fields(step)  # type: ignore[arg-type]  # every step is one
        if counts(field)
    }


def _plain(value: Any, where: str) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Fingerprinted):
        return value.fingerprint()  # itself: that of images knows the hash of each
    if isinstance(value, np.ndarray):
        return hash_arrays(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(item, f"{where}.{name}") for name, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(item, where) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: _plain(getattr(value, field.name), f"{where}.{field.name}")
            for field in dataclasses.fields(value)
            if counts(field) and not isinstance(getattr(value, field.name), Path)
        }
    raise TypeError(
        f"{where} is a {type(value).__name__}, which no card can state: give its content instead, "
        "or mark the field as uncounted()"
    )
