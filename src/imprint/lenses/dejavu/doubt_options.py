"""What is done about attacked images whose score may be no memorization."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from imprint.core.bounds import Bounds, Checked, OptionError
from imprint.data.near_duplicates.search_options import DuplicateSearch


@dataclass(frozen=True, kw_only=True)
class DoubtChoice(Checked):
    """Near-duplicates of attacked images, and crops that show the object they should not."""

    near_duplicates: Literal["report", "exclude", "off"] = "report"
    """Attacked images with a near-duplicate among attacked, shared or public images. report: give
    the score without them as well; exclude: leave them out of the test; off: do not search."""
    duplicate_search: DuplicateSearch = field(default_factory=DuplicateSearch)
    """How near-duplicates are searched."""
    crop_objects: Path | None = None
    """What a detector or tagger made elsewhere saw: tags of the crops (CSV or JSON, as for --tags),
    or a folder of Pascal VOC files with named objects. Crops that show an object of the image's
    own class are counted."""
    crop_object_score: Annotated[float, Bounds(least=0)] = 0.0
    """Least score of a tag or an object of --crop-objects that counts."""
    visible_objects: Literal["report", "exclude"] = "report"
    """Crops that show their object by --crop-objects. report: give the score without them as well;
    exclude: leave them out of the test."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.crop_objects is None:
            for name in ("crop_object_score", "visible_objects"):
                if getattr(self, name) != DoubtChoice.__dataclass_fields__[name].default:
                    raise OptionError(DoubtChoice, name, "applies only with --crop-objects")


@dataclass(frozen=True, kw_only=True)
class OwnDoubtChoice(DoubtChoice):
    """The same in the audit of a user's model, where a search has to be asked for."""

    near_duplicates: Literal["report", "exclude", "off"] = "off"
    """Attacked images with a near-duplicate among attacked and public images. report: give the
    score without them as well; exclude: leave them out of the test; off: do not search."""
