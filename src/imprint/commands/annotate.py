"""``imprint data crops``, ``tag`` and ``boxes``: what the background shows, where the object is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imprint.options import Common, CropChoice, DataChoice


@dataclass(frozen=True, kw_only=True)
class _Backgrounds(DataChoice, CropChoice, Common):
    """Images, and which part of each is its background."""

    indices: Path | None = None
    """A .npy file of image indices, e.g. bbox_A.npy of imprint data split; all when left out."""

    def _found(self) -> Any:
        from imprint.audit.images import open_choice
        from imprint.data.crop_files import background_crops
        from imprint.train.command import read_indices

        images = open_choice(self, self.seed)
        return background_crops(
            images,
            read_indices(self.indices, images),
            self.crop,
            self.min_crop_px,
            self.corner_fraction,
            self.corner,
            self.centre_fraction,
        )


@dataclass(frozen=True, kw_only=True)
class Crops(_Backgrounds):
    """Write the background crop of every image to OUT/crops/CLASS/NAME.png.

    OUT/crops.json counts them by class, and those without one by reason. The folder opens as data
    (--data OUT/crops), e.g. to train a classifier from background to label.
    """

    size: int = 224
    """Side of the files in pixels."""

    def run(self) -> dict[str, Any]:
        """Write the crops; return the content of ``crops.json``."""
        import numpy as np

        from imprint.data.crop_files import write_crops
        from imprint.data.file_names import class_folders
        from imprint.errors import ImprintError
        from imprint.store import Study, write_json

        if self.size < 1:
            raise ImprintError(f"--size is {self.size}: it must be at least 1 pixel")
        found = self._found()
        crops = found.crops

        def build(folder: Path) -> None:
            write_crops(folder, crops, self.size)

        settings = {"crops": crops.fingerprint(), "size": self.size}
        Study(self.out).step("crops", settings, build, resumable=True)
        counts = np.bincount(crops.labels, minlength=len(crops.classes))
        names = class_folders(crops.images)
        facts = {
            "crops": len(crops),
            "without": dict(found.reasons),
            "classes": {name: int(count) for name, count in zip(names, counts, strict=True)},
        }
        write_json(self.out / "crops.json", facts)
        if not self.json:
            without = ", ".join(f"{count} {why}" for why, count in found.reasons.items())
            print(f"{self.out / 'crops'}: {len(crops)} crops" + (f"; {without}" if without else ""))
        return facts
