from xml.etree import ElementTree

from imprint.data.boxes.voc_files import write_voc


def test_a_file_holds_size_names_boxes_and_scores(tmp_path) -> None:
    file = tmp_path / "n01" / "a.xml"
    write_voc(file, [(1, 2, 3, 4), (0, 0, 9, 9)], (10, 12), "n01", "a.jpg", "cat", 3, [0.5, 0.25])
    root = ElementTree.parse(file).getroot()
    assert [root.findtext(key) for key in ("folder", "filename")] == ["n01", "a.jpg"]
    assert [item.text for item in root.find("size")] == ["10", "12", "3"]
    objects = root.findall("object")
    assert [item.findtext("name") for item in objects] == ["cat", "cat"]
    assert [item.findtext("score") for item in objects] == ["0.500000", "0.250000"]
    corners = [[int(corner.text) for corner in item.find("bndbox")] for item in objects]
    assert corners == [[1, 2, 3, 4], [0, 0, 9, 9]]
