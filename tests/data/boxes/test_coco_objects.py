"""Objects of COCO files with their categories, in the images that the file lists."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imprint.core.errors import ImprintError
from imprint.data.boxes.coco_objects import open_coco

BOX = {"image_id": 5, "bbox": [2, 1, 4, 3], "category_id": 9}
CONTENT: dict[str, Any] = {
    "images": [{"id": 5, "file_name": "a.png"}, {"id": "x", "file_name": "sub/b.png"}],
    "annotations": [BOX, {**BOX, "image_id": "x", "category_id": 3, "iscrowd": 1}],
    "categories": [{"id": 9, "name": "dog"}, {"id": 3, "name": "cat", "supercategory": "animal"}],
}


def written(folder: Path, **changes: Any) -> tuple[Path, Path]:
    (folder / "sub").mkdir(exist_ok=True)
    Image.new("RGB", (8, 4)).save(folder / "a.png")
    Image.new("RGB", (16, 8)).save(folder / "sub" / "b.png")
    (folder / "coco.json").write_text(json.dumps({**CONTENT, **changes}))
    return folder, folder / "coco.json"


def test_boxes_are_shares_of_their_image(tmp_path: Path) -> None:
    images, objects = open_coco(*written(tmp_path))
    assert list(images.paths) == ["a.png", "sub/b.png"]
    assert objects.categories == ("cat", "dog")
    assert objects.category.tolist() == [1, 0]
    assert objects.crowd.tolist() == [False, True]
    assert objects.boxes.tolist() == [[0.25, 0.25, 0.75, 1.0], [0.125, 0.125, 0.375, 0.5]]


def test_objects_of_some_images_are_numbered_in_their_order(tmp_path: Path) -> None:
    _, objects = open_coco(*written(tmp_path))
    assert objects.of(np.array([1, 0])).owner.tolist() == [1, 0]
    assert objects.of(np.array([1])).category.tolist() == [0]
    assert len(objects.of(np.empty(0, dtype=np.int64))) == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"categories": [{"id": 9, "name": "dog"}]}, "the category 3, which categories does not"),
        ({"categories": CONTENT["categories"] * 2}, "has the id 9 of another before it"),
        ({"categories": [{"id": 9}]}, r"categories\[0\] has no name"),
        ({"categories": {}}, "categories is an object, not a list"),
        ({"images": [], "annotations": []}, "lists no images"),
        (
            {"images": [{"id": 5, "file_name": "c.png"}], "annotations": []},
            r"lists c\.png, which is not in",
        ),
        (
            {"images": [{"id": 5, "file_name": "../a.png"}], "annotations": []},
            r"lists \.\./a\.png, which is not in",
        ),
        ({"images": CONTENT["images"][:1]}, "name the image 'x', which images does not list"),
        ({"annotations": [{"image_id": 5, "bbox": [0, 0, 1, 1]}]}, "has no category_id"),
        ({"annotations": [{**BOX, "bbox": [4, 3, -2, 1]}]}, "a bbox of negative width or height"),
        ({"annotations": [{**BOX, "bbox": [0, 0, 1e308, 1]}]}, "a bbox beyond 1,000,000 pixels"),
        ({"annotations": [{**BOX, "bbox": [8, 0, 2, 2]}]}, r"outside its image a\.png"),
        ({"annotations": [{**BOX, "bbox": [1, -3, 2, 3]}]}, r"outside its image a\.png"),
        ({"annotations": [{**BOX, "iscrowd": "1"}]}, "an iscrowd that is neither 0 nor 1"),
        ({"annotations": [{**BOX, "iscrowd": [1]}]}, "an iscrowd that is neither 0 nor 1"),
        (
            {"images": [CONTENT["images"][0], {"id": "x", "file_name": "a.png"}]},
            r"images\[1\] names the file a\.png of another before it",
        ),
        (
            {"images": [{**CONTENT["images"][0], "width": 16, "height": 8}, CONTENT["images"][1]]},
            r"a\.png has 8 × 4 pixels and .* states 16 × 8, so its boxes do not fit",
        ),
        (
            {"images": [{**CONTENT["images"][0], "width": -8, "height": 4}, CONTENT["images"][1]]},
            "a width or height of -8 pixels",
        ),
        ({"images": [{"id": 5, "file_name": "a" * 4000}], "annotations": []}, "which is not in"),
    ],
)
def test_files_that_do_not_fit_are_refused(tmp_path: Path, changes, message: str) -> None:
    with pytest.raises(ImprintError, match=message):
        open_coco(*written(tmp_path, **changes))


def test_no_categories_are_refused(tmp_path: Path) -> None:
    folder, file = written(tmp_path)
    file.write_text(json.dumps({key: CONTENT[key] for key in ("images", "annotations")}))
    with pytest.raises(ImprintError, match="has no categories"):
        open_coco(folder, file)


def test_boxes_without_area_are_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Published files have a few, such as one of COCO 2017 with a height of 0."""
    flat = {**BOX, "bbox": [2, 1, 4, 0]}
    _, objects = open_coco(
        *written(tmp_path, annotations=[flat, BOX, {**BOX, "bbox": [9, 1, 0, 1]}])
    )
    assert objects.boxes.tolist() == [[0.25, 0.25, 0.75, 1.0]]
    assert "2 boxes in" in capsys.readouterr().err


def test_sizes_that_are_stated_rightly_or_not_at_all_are_accepted(tmp_path: Path) -> None:
    first, second = CONTENT["images"]
    images = [{**first, "width": 8, "height": 4}, {**second, "width": 0, "height": 0}]
    assert len(open_coco(*written(tmp_path, images=images))[1]) == 2
