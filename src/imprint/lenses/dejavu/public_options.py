"""Which images vote as neighbours in the déjà vu tests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from imprint.core.bounds import Checked, OptionError


@dataclass(frozen=True, kw_only=True)
class PublicChoice(Checked):
    """Where public images come from, if not from the images under test."""

    public: Path | None = None
    """Folder or array file of images that vote as neighbours, in place of the public images of the
    same data. Classes are matched by name. Attacks during training keep those of the data."""
    public_part: str = ""
    """Part of --public whose images vote, such as val; without --public, a part of --data, for a
    model that was trained on its whole training part."""
    public_layout: str = "auto"
    """Layout of --public: auto, or a name that imprint list layouts prints."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.public is None and self.public_layout != "auto":
            raise OptionError(PublicChoice, "public_layout", "applies only with --public")

    @property
    def is_elsewhere(self) -> bool:
        """Whether other images vote than those of the data under test."""
        return self.public is not None or bool(self.public_part)
