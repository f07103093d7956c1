"""Words as token ids, and the files of vocabularies."""

from __future__ import annotations

from pathlib import Path

import pytest

from imprint.core.errors import ImprintError
from imprint.data.records import vocabulary
from imprint.data.records.vocabulary import (
    Vocabulary,
    count_words,
    most_frequent,
    read_vocabulary,
    write_vocabulary,
)


def test_texts_are_cut_and_padded_to_one_length() -> None:
    words = Vocabulary(("film", "good"), 3)
    assert words.encode("").tolist() == [0, 0, 0]
    assert words.encode("Good, good FILM<br />bad").tolist() == [3, 3, 2]
    assert len(words) == 4


def test_a_vocabulary_is_read_as_it_was_written(tmp_path: Path) -> None:
    frequent = most_frequent(["un café noir", "un thé"], 3, 5)
    assert frequent.words == ("un", "café", "noir")
    write_vocabulary(tmp_path / "v.json", frequent)
    assert read_vocabulary(tmp_path / "v.json") == frequent


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "must hold words, a list of texts"),
        ('{"words": [1], "length": 2}', "must hold words, a list of texts"),
        ('{"words": [], "length": 1}', "words must be 1 to 1,000,000"),
        ('{"words": ["a"]}', "length must be a whole number from 1 to 100,000, got None"),
        ('{"words": ["a"], "length": 0}', "got 0"),
        ('{"words": ["a", "a"], "length": 1}', "each of them once"),
        ("{", "damaged or not JSON"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "v.json").write_text(content)
    with pytest.raises(ImprintError, match=message):
        read_vocabulary(tmp_path / "v.json")


def test_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImprintError, match="cannot read the vocabulary"):
        read_vocabulary(tmp_path / "v.json")


def test_words_without_end_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    assert dict(count_words(["a" * 101 + " b", "b"])) == {"b": 2}
    monkeypatch.setattr(vocabulary, "MAX_DIFFERENT", 2)
    with pytest.raises(ImprintError, match="more than 2 different words: give fewer texts"):
        count_words(["a b", "c d"])
