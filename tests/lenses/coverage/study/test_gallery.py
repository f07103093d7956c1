from pathlib import Path

import numpy as np

from imprint.data.imageset import ArrayImages
from imprint.lenses.coverage.findings import GapExample, GapFinding
from imprint.lenses.coverage.study.gallery import SavePictures
from imprint.report.gallery import read_gallery
from imprint.study.finding import write_finding
from imprint.study.json_io import write_json
from imprint.study.store import Study
from tests.lenses.coverage.made_findings import FINDINGS


def test_a_card_a_gap_shows_its_training_images_and_range(tmp_path: Path) -> None:
    from dataclasses import replace

    gap = GapFinding(
        layer="conv",
        neuron=3,
        low=0.5,
        high=1.0,
        training=(0.0, 1.0),
        tests=(0.0, 0.4),
        images=2,
        share=0.25,
        examples=(GapExample(1, 0.9), GapExample(0, 0.6)),
    )
    write_finding(tmp_path / "coverage" / "findings.json", replace(FINDINGS, gaps=(gap,)))
    write_json(tmp_path / "coverage.card.json", {"hash": "0"})
    pixels = np.zeros((2, 3, 8, 8), dtype=np.uint8)
    images = ArrayImages(pixels, np.array([0, 1]), ("cat", "dog"))
    folder = Study(tmp_path).run(SavePictures(images, Study(tmp_path)))
    gallery = read_gallery(folder, "gap", "Filter the gaps")
    assert gallery is not None
    (card,) = gallery.cards
    assert (card.title, card.subtitle) == ("conv", "neuron 3")
    assert card.name == "0.5 to 1 · 2 training images, 25.0%"
    assert [picture.caption for picture in card.pictures] == ["dog\n0.9", "cat\n0.6"]
    assert card.strip is not None
    assert (card.strip.place(card.strip.gap.low), card.strip.place(0.4)) == (50.0, 40.0)
