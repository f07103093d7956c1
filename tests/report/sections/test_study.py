from pathlib import Path
from typing import Any

from imprint.report.sections.study import build

SUMMARY: dict[str, Any] = {
    "data": {
        "name": "cats",
        "images": 1200,
        "classes": 2,
        "boxes": None,
        "attacked": {"A": 10, "B": 12},
        "dropped": {"no crop of 8 pixels": 7, "no <box>": 1},
        "members": "ours.npy",
    },
    "settings": {"seed": 3, "train": {"views": [1, 2], "flip": True, "crop": None}},
}


def html(**changes: object) -> str:
    section = build(Path(), SUMMARY | changes)
    assert section is not None
    return section.html


def test_facts_are_counted() -> None:
    assert '<dt>Images</dt><dd><data value="1200">1,200</data></dd>' in html()
    assert '<dt>Attacked in set B</dt><dd><data value="12">12</data></dd>' in html()
    assert "With object boxes" not in html()


def test_dropped_images_are_counted_by_reason() -> None:
    assert "<li>7 images: no crop of 8 pixels</li>" in html()
    assert "<li>1 image: no &lt;box&gt;</li>" in html()
    assert "No image had to be dropped." in html(data={"dropped": {}})
    assert "dropped" not in html(data={"name": "cats"})


def test_settings_are_flattened_and_written_in_words() -> None:
    rows = html().split("<tr>")[1:]
    words = [
        tuple(part.split("<")[0] for part in row.split(">") if part.split("<")[0].strip())
        for row in rows
    ]
    assert words == [
        ("members", "ours.npy"),
        ("seed", "3"),
        ("train.views", "1, 2"),
        ("train.flip", "yes"),
        ("train.crop", "–"),
    ]
