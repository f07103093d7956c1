"""Pictures of training images whose activations no test reaches."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from imprint.data.imageset import ImageSet
from imprint.lenses.coverage.findings import CoverageFindings, GapExample, GapFinding
from imprint.report.gallery import Card, CardPicture, Range, RangeStrip, write_gallery
from imprint.report.pictures import CARD_SIDE, save_whole
from imprint.report.wording import plural, significant, small_percent
from imprint.study.counted import uncounted
from imprint.study.finding import read_finding
from imprint.study.step import Step
from imprint.study.store import Study

COVERAGE = "coverage"


@dataclass(frozen=True)
class SavePictures(Step):
    """``gallery/coverage``: a card a gap, and the PNG files it names."""

    images: ImageSet
    study: Study = uncounted()

    artefact = "gallery/coverage"
    inputs = (COVERAGE,)

    def build(self, path: Path) -> None:
        """Write the pictures of every gap."""
        findings = read_finding(CoverageFindings, self.study.path(COVERAGE) / "findings.json")
        path.mkdir(exist_ok=True)
        write_gallery(path, [self._card(path, gap) for gap in findings.gaps or ()])

    def _card(self, folder: Path, gap: GapFinding) -> Card:
        low, high = significant(gap.low), significant(gap.high)
        training, tests = Range(*gap.training), Range(*gap.tests)
        spoken = (
            f"Training {significant(training.low)} to {significant(training.high)}, tests "
            f"{significant(tests.low)} to {significant(tests.high)}"
        )
        images = plural(gap.images, "training image")
        return Card(
            title=gap.layer,
            subtitle=f"neuron {gap.neuron}",
            name=f"{low} to {high} · {images}, {small_percent(gap.share)}",
            pictures=tuple(self._picture(folder, example) for example in gap.examples),
            strip=RangeStrip(training, tests, Range(gap.low, gap.high), spoken),
            facets={"Layer": gap.layer},
            numbers={"training images": gap.images},
        )

    def _picture(self, folder: Path, example: GapExample) -> CardPicture:
        label = self.images.classes[int(self.images.labels[example.index])]
        file = save_whole(folder, self.images, example.index, "image", CARD_SIDE)["file"]
        caption = f"{label}\n{significant(example.value)}"
        return CardPicture(file, f"{label}, index {example.index}", caption)
