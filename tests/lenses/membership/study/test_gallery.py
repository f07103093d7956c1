import numpy as np

from imprint.data.imageset import ArrayImages
from imprint.lenses.membership.study.gallery import ExposedGallery
from imprint.report.gallery import read_gallery
from imprint.study.store import Study
from imprint.study.tables import write_table


def test_the_most_exposed_members_become_cards(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 3, 6, 6), dtype=np.uint8)
    images = ArrayImages(pixels, np.array([0, 1, 0, 1, 0]), ("ant", "bee"), "insects")
    study = Study(tmp_path)

    def write(folder):
        folder.mkdir()
        columns = {
            "index": np.array([3, 0, 2]),
            "fpr": np.array([0.0, 0.125, 0.5]),
            "agreement": np.array([2, 1, 0]),
            "score": np.array([3.0, 2.0, 1.0]),
        }
        write_table(folder / "exposure.parquet", columns)

    study.step("membership", {}, write)
    study.run(ExposedGallery(images, 2, 2, study))
    gallery = read_gallery(tmp_path / "gallery" / "membership", "exposed", "Filter")
    first, second = gallery.cards
    assert (first.title, first.badge) == ("bee", "1")
    assert first.name.endswith("· index 3")
    assert first.lines[0].text == "no non-member scores as high · 2 of 2 attacks agree"
    assert second.lines[0].text == "12.50% of non-members score as high · 1 of 2 attacks agree"
    assert [card.facets["False positives"] for card in gallery.cards] == ["none", "some"]
    assert first.numbers == {"exposure": 0.0, "attacks that agree": 2.0}
