import numpy as np

from imprint.data.sources.composite import composite
from imprint.data.view import View
from imprint.lenses.dejavu.study.galleries import OneModelGallery, TwoModelGallery
from imprint.report.gallery import Cards
from imprint.study.finding import read_finding
from imprint.study.tables import write_table

IMAGES = composite(20)
CROPS = View(IMAGES, np.arange(4), rectangles=np.tile([0.0, 0.0, 16.0, 16.0], (4, 1)))


def records(**changes):
    labels = IMAGES.labels[:4]
    return {
        "index": np.arange(4),
        "side": np.array([0, 0, 1, 1]),
        "label": labels,
        "category": np.array([1, 1, 0, 2]),
        "target_prediction": labels,
        "target_confidence": np.array([-0.5, -0.1, 0.0, -1.0]),
        "reference_prediction": np.where([False, False, True, True], labels, (labels + 1) % 10),
        "reference_confidence": np.array([-1.0, -1.1, -0.2, 0.0]),
        "memorization": np.array([0.5, 1.0, 0.2, -1.0]),
        "target_neighbours": np.tile([10, 11], (4, 1)),
        "reference_neighbours": np.tile([12, 13], (4, 1)),
        **changes,
    }


def cards_of(step, folder):
    step.build(folder)
    return read_finding(Cards, folder / "gallery.json").cards


def test_memorized_images_come_by_strength_then_correlated_ones(tmp_path):
    write_table(tmp_path / "records.parquet", records())
    cards = cards_of(TwoModelGallery(CROPS, tmp_path), tmp_path / "gallery")
    assert [card.badge for card in cards] == ["memorized", "memorized", "correlated"]
    assert [card.name.split("index ")[1] for card in cards] == [
        "1 · set A",
        "0 · set A",
        "2 · set B",
    ]
    target, reference = cards[0].answers
    assert (target.right, reference.right) == (True, False)
    assert target.detail == "−0.10 nats"
    assert cards[0].lines[0].text == "target 1.00 nats more confident than the reference"
    for card in cards:
        for picture in card.pictures:
            assert (tmp_path / "gallery" / picture.file).exists()


def test_claimed_images_come_by_rank(tmp_path):
    plain = records()
    table = {name: plain[name] for name in ("index", "label")}
    table |= {
        "prediction": plain["label"],
        "confidence": np.zeros(4),
        "rank": np.array([1, -1, 0, -1]),
        "neighbours": np.tile([10], (4, 1)),
        "tags_prediction": (plain["label"] + 1) % 10,
        "tags_confidence": np.full(4, -2.0),
        "strictest_prediction": plain["label"],
        "strictest_confidence": np.zeros(4),
        "strictest_memorization": np.array([0.5, 0.0, 2.0, 0.0]),
    }
    write_table(tmp_path / "records.parquet", table)
    cards = cards_of(OneModelGallery(CROPS, tmp_path), tmp_path / "gallery")
    assert [card.badge for card in cards] == ["1", "2"]
    assert [answer.who for answer in cards[0].answers] == ["the model", "tags"]
    assert cards[0].numbers == {"memorization strength": 2.0}
