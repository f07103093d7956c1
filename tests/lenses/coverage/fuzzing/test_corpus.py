from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.fuzzing import corpus as corpus_module
from imprint.lenses.coverage.fuzzing.corpus import Corpus, Entries, share_trials


def seeds(count: int) -> Entries:
    pixels = np.arange(count * 4, dtype=np.uint8).reshape(count, 1, 2, 2)
    return Entries.of_seeds(pixels, 2)


def test_inputs_that_were_chosen_often_are_chosen_rarely() -> None:
    corpus = Corpus(seeds(2), np.array([0, 5]))
    chosen = np.array([0, 5])
    first = [int(Corpus(seeds(2), chosen.copy()).choose(1, key)[0]) for key in range(2000)]
    # Priorities 1 and 0.01.
    assert 5 <= sum(first) <= 40
    assert corpus.choose(2, 0).tolist() == [0, 1]
    assert corpus.arrays()["chosen"].tolist() == [1, 6]


def test_inputs_of_full_depth_are_not_chosen() -> None:
    corpus = Corpus(seeds(1))
    once = corpus.rows(np.array([0]))
    for _ in range(2):
        one = np.ones(1, np.int64)
        lineage = once.lineage.extended(one, np.ones((1, 2)), one)
        once = replace(once, lineage=lineage)
    corpus.add(once)
    assert len(corpus) == 2
    assert corpus.choose(5, 0).tolist() == [0]
    assert corpus.rows(np.array([1])).lineage.lengths().tolist() == [2]


def test_a_corpus_grows_and_stops_at_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus_module, "MAX_BYTES", 2 * 4 * 5)
    corpus = Corpus(seeds(3))
    for _ in range(4):
        corpus.add(corpus.rows(np.array([1])))
    assert len(corpus) == 5
    np.testing.assert_array_equal(
        corpus.arrays()["pixels"][:, 0, 0, 0], np.array([0, 4, 8, 4, 4], np.uint8)
    )
    with pytest.raises(ImprintError, match="--seed-records"):
        Corpus(seeds(6))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.integers(0, 200))
def test_trials_are_shared_out_whole(room: list[float], trials: int) -> None:
    shares = share_trials(np.array(room), trials)
    assert shares.sum() == trials
    assert (shares >= 0).all()
    exact = np.maximum(room, 0.05) / np.maximum(room, 0.05).sum() * trials
    assert (np.abs(shares - exact) < 1 + 1e-9).all()
