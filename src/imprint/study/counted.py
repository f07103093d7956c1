"""Which fields of a dataclass count on the card of a step: all but those marked here."""

from __future__ import annotations

import dataclasses
from typing import Any

_UNCOUNTED = "imprint: does not count"


def uncounted(**keywords: Any) -> Any:
    """Return a dataclass field that the artefact does not depend on, such as a device."""
    return dataclasses.field(metadata={_UNCOUNTED: True}, **keywords)


def counts(field: dataclasses.Field[Any]) -> bool:
    """Return whether a field is part of the card."""
    return not field.metadata.get(_UNCOUNTED)
