import numpy as np

from imprint.data.sources.composite import composite
from imprint.data.tags.annotation import tags_from_words
from imprint.data.tags.tag_files import write_labels
from imprint.lenses.dejavu.options import ReferenceChoice
from imprint.lenses.dejavu.study.background_tags import ARTEFACT, write_background_tags
from imprint.study.store import Study
from imprint.study.tables import read_table

INDEX = np.arange(30)


def write(tmp_path, out, **changes):
    images = composite(40)
    names = [images.name_of(row) for row in range(40)]
    words = [[(f"own {label}", 0.9), ("all", 0.5), ("weak", 0.1)] for label in images.labels]
    tags = tags_from_words(words)
    write_labels(tmp_path / "labels", tags, names, images.labels, images.classes)
    choice = ReferenceChoice(**{"tags": tmp_path / "labels", "top_tags": 2, "clouds": 1, **changes})
    study = Study(tmp_path / out)
    write_background_tags(study, images, INDEX, choice, 0)
    return images, study.path(ARTEFACT)


def test_the_tags_that_naive_bayes_reads_are_counted(tmp_path):
    images, folder = write(tmp_path, "out")
    table = read_table(folder / "tags.parquet")
    assert set(table["tag"]) == {"all", *(f"own {label}" for label in range(10))}
    in_class = np.bincount(images.labels[INDEX])
    np.testing.assert_array_equal(table["count"], in_class[table["label"]])
    assert len(list((folder / "clouds").iterdir())) == 2


def test_without_tags_or_without_naive_bayes_nothing_is_written(tmp_path):
    assert not write(tmp_path, "no_tags", tags=None)[1].exists()
    assert not write(tmp_path, "no_bayes", references=("linear_head",))[1].exists()
