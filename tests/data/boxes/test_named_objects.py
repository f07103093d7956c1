import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.data.boxes.named_objects import parse_named_objects, read_named_objects
from imprint.data.boxes.voc_files import write_voc


def written(file, name="dog", scores=(0.9,), boxes=((1, 2, 3, 4),)):
    """Write a file of objects of one name."""
    file.parent.mkdir(parents=True, exist_ok=True)
    write_voc(file, boxes, (8, 8), "dog", "1.jpg", name, scores=scores)
    return file


def test_objects_keep_their_names_scores_and_boxes(tmp_path):
    objects = parse_named_objects(written(tmp_path / "1.xml"))
    assert objects.names == ("dog",)
    assert objects.scores.tolist() == [0.9]
    assert objects.boxes.tolist() == [[1, 2, 3, 4]]
    certain = parse_named_objects(written(tmp_path / "2.xml", scores=None))
    assert certain.scores.tolist() == [1.0]


def test_files_are_joined_on_the_names_of_images(tmp_path):
    written(tmp_path / "dog" / "1.xml")
    written(tmp_path / "cat" / "1.xml", name="cat", boxes=())
    found = read_named_objects(tmp_path, ["cat/1.jpg", "dog/1.jpg", "dog/2.jpg"])
    assert [each and each.names for each in found] == [(), ("dog",), None]
    assert np.shape(found[0].boxes) == (0, 4)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<a><object><bndbox/></object></a>", "has no <xmin>"),
        (
            "<a><object><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox>"
            "</object></a>",
            "an <object> has no <name>",
        ),
        (
            "<a><object><name>dog</name><score>high</score><bndbox><xmin>1</xmin><ymin>1</ymin>"
            "<xmax>2</xmax><ymax>2</ymax></bndbox></object></a>",
            "<score> is 'high', not a number",
        ),
    ],
)
def test_damaged_files_are_refused(tmp_path, content, message):
    (tmp_path / "1.xml").write_text(content)
    with pytest.raises(ImprintError, match=message):
        parse_named_objects(tmp_path / "1.xml")


def test_a_folder_of_other_images_is_refused(tmp_path):
    written(tmp_path / "dog" / "9.xml")
    with pytest.raises(ImprintError, match=r"has no \.xml file of any of the 1 images"):
        read_named_objects(tmp_path, ["dog/1.jpg"])
