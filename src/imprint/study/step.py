r"""A step of a study: a frozen dataclass whose fields are its card.

A step that takes its settings from around it can forget one on its card; then the step is passed
over although it would come out otherwise, and old results stand beside new options. A step that
has nothing but its own fields cannot: :meth:`Study.run` puts every field on the card.

>>> from dataclasses import dataclass
>>> from tempfile import mkdtemp
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
>>> run(Study(Path(mkdtemp())), Square(3)).read_text()
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

from imprint.study.store import Study, hash_arrays

_UNCOUNTED = "imprint: does not count"


@runtime_checkable
class Fingerprinted(Protocol):
    """What a hash of its content stands for on a card: a set of images, a network."""

    def fingerprint(self) -> str:
        """Return the hash of the content."""
        ...


def uncounted(**keywords: Any) -> Any:
    """Return a dataclass field that the artefact does not depend on, such as a device."""
    return dataclasses.field(metadata={_UNCOUNTED: True}, **keywords)


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


def run(study: Study, step: Step) -> Path:
    """Return the artefact of a step, building it unless it is done.

    Raises:
        ImprintError: it exists with other settings, or the disk is full.
    """
    return study.step(step.artefact, card_of(step), step.build, step.inputs, step.resumable)


def card_of(step: Step) -> dict[str, Any]:
    """Return what the artefact of a step depends on, as JSON values by field.

    Raises:
        TypeError: a field holds what no card can state, such as a path.
    """
    return {
        field.name: _plain(getattr(step, field.name), field.name)
        for field in dataclasses.fields(step)  # type: ignore[arg-type]  # every step is one
        if not field.metadata.get(_UNCOUNTED)
    }


def _plain(value: Any, where: str) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Fingerprinted):
        return str(value.fingerprint())
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
            if not field.metadata.get(_UNCOUNTED)
        }
    raise TypeError(
        f"{where} is a {type(value).__name__}, which no card can state: give its content instead, "
        "or mark the field as uncounted()"
    )
