"""Folders of texts in IMDB's layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.data.records.open_records import as_records
from imprint.data.records.vocabulary import Vocabulary, write_vocabulary


@pytest.fixture
def imdb(tmp_path: Path) -> Path:
    root = tmp_path / "aclImdb"
    texts = {
        "train/neg/0_1.txt": "bad film",
        "train/pos/1_9.txt": "a good film",
        "train/pos/0_8.txt": "Good!<br />",
        "train/unsup/0_0.txt": "what",
        "test/neg/0_2.txt": "film",
        "test/pos/0_7.txt": "good",
    }
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    write_vocabulary(root / "vocabulary.json", Vocabulary(("bad", "film", "good"), 3))
    return root


def test_texts_are_token_ids_with_the_classes_of_their_folders(imdb: Path) -> None:
    records = as_records(imdb)
    assert records.classes == ("neg", "pos")
    assert records.targets is not None
    assert records.targets.tolist() == [0, 1, 1]
    assert list(records.names) == ["neg/0_1", "pos/0_8", "pos/1_9"]
    assert records.inputs.read(np.arange(3)).tolist() == [[2, 3, 0], [4, 0, 0], [1, 4, 3]]


@pytest.mark.parametrize("part", [{"part": "test"}, {}])
def test_the_other_part_is_named_or_its_own_folder(imdb: Path, part: dict[str, str]) -> None:
    records = as_records(imdb if part else imdb / "test", **part)
    assert records.inputs.read(np.arange(2)).tolist() == [[3, 0, 0], [4, 0, 0]]


def test_no_vocabulary_and_no_texts_are_refused(imdb: Path) -> None:
    (imdb / "test" / "pos" / "0_7.txt").unlink()
    with pytest.raises(ImprintError, match=r"holds no texts: expected test/CLASS/NAME\.txt"):
        as_records(imdb / "test")
    (imdb / "vocabulary.json").unlink()
    with pytest.raises(ImprintError, match=r"has no vocabulary\.json"):
        as_records(imdb)


def test_text_that_is_no_utf8_is_refused(imdb: Path) -> None:
    (imdb / "train" / "neg" / "0_1.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(ImprintError, match="not UTF-8"):
        as_records(imdb)
