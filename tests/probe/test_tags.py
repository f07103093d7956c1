import json
from functools import partial

import numpy as np
import pytest

from imprint.cli import main
from imprint.data.boxes.crop_files import background_crops
from imprint.data.sources.composite import composite
from imprint.data.tags.tag_files import read_frequencies, read_tags
from imprint.launch.launcher import using
from imprint.launch.shards import cut_into
from imprint.probe.annotators.zero_shot import load_tagger
from imprint.probe.tags import CropTags
from imprint.study.store import Study
from tests.launch.inline import InlineLauncher, Killed
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


def test_crops_tagged_by_tasks_have_the_files_of_one_pass(folders, tmp_path) -> None:
    crops = background_crops(
        composite(300), np.arange(300), "corner", 8, 0.3, "lower_left", 1.0
    ).crops
    load = partial(load_tagger, folders["clip"], tag_list(), top=2)
    step = CropTags(crops, "", tuple(WORDS), (), (), 2, load)
    whole, parts = (Study(tmp_path / name) for name in ("whole", "parts"))
    expected = files_of(whole.run(step))
    killed, again = InlineLauncher(survives=1), InlineLauncher()
    with using(killed), cut_into(3), pytest.raises(Killed):
        parts.run(step)
    with using(again), cut_into(3):
        assert files_of(parts.run(step)) == expected
    assert [*killed.keys, *again.keys] == ["tags/0-256.npz", "tags/256-300.npz"]


def files_of(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder): path.read_bytes() for path in files}
