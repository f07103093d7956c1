"""Words as token ids: 0 is padding, 1 any other word, then the words of a vocabulary in order.

    {"words": ["the", "a", …], "length": 256}

A text is lower case without ``<br />``, cut to the first ``length`` words.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.reading import json_files
from imprint.study.json_io import write_json

PADDING, UNKNOWN, FIRST_WORD = 0, 1, 2
MAX_WORDS, MAX_LENGTH = 1_000_000, 100_000
MAX_LETTERS, MAX_DIFFERENT = 100, 5_000_000
WORD = re.compile(r"\w+(?:'\w+)?")


def words_of(text: str) -> list[str]:
    """Return the words of a text.

    >>> words_of("It's <br />a FILM!")
    ["it's", 'a', 'film']
    """
    return WORD.findall(text.replace("<br />", " ").lower())


@dataclass(frozen=True)
class Vocabulary:
    """Words and how many of a text are read.

    Attributes:
        words: each once.
        length: tokens of every text.

    >>> Vocabulary(("a", "film"), 4).encode("A bad film").tolist()
    [2, 1, 3, 0]
    """

    words: tuple[str, ...]
    length: int

    def __len__(self) -> int:
        """Return how many ids there are."""
        return FIRST_WORD + len(self.words)

    @cached_property
    def ids(self) -> Mapping[str, int]:
        """The id of each word."""
        return {word: row for row, word in enumerate(self.words, FIRST_WORD)}

    def encode(self, text: str) -> IntArray:
        """Return the ids of a text, int64 ``[length]``."""
        known = [self.ids.get(word, UNKNOWN) for word in words_of(text)[: self.length]]
        ids = np.full(self.length, PADDING, dtype=np.int64)
        ids[: len(known)] = known
        return ids


def count_words(texts: Iterable[str]) -> Counter[str]:
    """Return how often each word occurs; words of more than ``MAX_LETTERS`` letters do not count.

    Raises:
        ImprintError: there are more different ones than are kept.
    """
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(word for word in words_of(text) if len(word) <= MAX_LETTERS)
        if len(counts) > MAX_DIFFERENT:
            raise ImprintError(
                f"the texts have more than {MAX_DIFFERENT:,} different words: give fewer texts"
            )
    return counts


def most_frequent(texts: Iterable[str], count: int, length: int) -> Vocabulary:
    """Return the vocabulary of the most frequent words, ties in alphabetical order.

    Args:
        texts: of the training set.
        count: words at most.
        length: tokens of every text.

    >>> most_frequent(["b a b", "c"], 2, 8).words
    ('b', 'a')
    """
    return vocabulary_of(count_words(texts), count, length)


def vocabulary_of(counts: Mapping[str, int], count: int, length: int) -> Vocabulary:
    """Return the vocabulary of the most frequent words by how often each occurs."""
    ordered = sorted(counts, key=lambda word: (-counts[word], word))
    return Vocabulary(tuple(ordered[:count]), length)


def write_vocabulary(path: Path, vocabulary: Vocabulary) -> None:
    """Write a vocabulary as JSON, whole or not at all."""
    write_json(path, {"words": list(vocabulary.words), "length": vocabulary.length})


def read_vocabulary(path: Path) -> Vocabulary:
    """Return the vocabulary in a JSON file.

    Raises:
        ImprintError: it cannot be read, or holds none.
    """
    try:
        content: Any = json_files.read_json(path)
    except OSError as error:
        raise ImprintError(f"cannot read the vocabulary {path}: {error.strerror}") from error
    words = content.get("words") if isinstance(content, dict) else None
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ImprintError(f"{path} must hold words, a list of texts, and length, a whole number")
    length = content.get("length")
    if type(length) is not int or not 1 <= length <= MAX_LENGTH:
        raise ImprintError(
            f"{path}: length must be a whole number from 1 to {MAX_LENGTH:,}, got {length!r}"
        )
    if not 1 <= len(words) <= MAX_WORDS or len(set(words)) < len(words):
        raise ImprintError(f"{path}: words must be 1 to {MAX_WORDS:,}, each of them once")
    return Vocabulary(tuple(words), length)
