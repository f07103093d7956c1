import json

import numpy as np

from imprint.cli import main
from imprint.data.boxes.crop_files import background_crops
from imprint.data.sources.composite import composite
from imprint.data.tags.tag_files import read_frequencies, read_tags
from imprint.probe.annotators.zero_shot import load_tagger
from tests.probe.annotators.taggers import WORDS, tag_list


def test_the_command_writes_the_files_of_the_published_tagger(folders, tmp_path, capsys) -> None:
    (tmp_path / "tags.txt").write_text("\n".join(WORDS))
    words = ["data", "tag", "--tagger", str(folders["clip"]), "--composite-count", "40"]
    words += [
        "--tag-list",
        str(tmp_path / "tags.txt"),
        "--top-tags",
        "2",
        "--device",
        "cpu",
        "--json",
    ]
    main([*words, "--out", str(tmp_path / "out")])
    told = json.loads(capsys.readouterr().out)
    assert told["annotator"] == "zero_shot:clip"
    images = composite(40, 0.0, 0)
    found = background_crops(images, np.arange(40), "maxrect", 8, 0.3, "lower_left", 1.0)
    assert told["crops"] == len(found.crops)
    names = [found.crops.name_of(row) for row in range(len(found.crops))]
    tags = read_tags(tmp_path / "out" / "tags", names)
    tagger = load_tagger(folders["clip"], tag_list(), top=2)
    pixels = images.read(found.crops.index, found.crops.squares, tagger.side)
    expected = tagger.annotate(pixels)
    assert [dict(tags.words(row)) for row in range(len(names))] == [
        dict(expected.words(row)) for row in range(len(names))
    ]
    vocabulary, counts = read_frequencies(tmp_path / "out" / "tags" / "frequencies", images.classes)
    assert counts.sum() == 2 * len(names)
    assert set(vocabulary) <= set(WORDS)
