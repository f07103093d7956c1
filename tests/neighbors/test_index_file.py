import hashlib
import importlib.util
import json

import numpy as np
import pytest

from imprint.core.bounds import OptionError
from imprint.core.errors import ImprintError
from imprint.neighbors import sources
from imprint.neighbors.index_file import IvfPqOptions, read_index, write_index
from imprint.neighbors.sources import ArraySource

faiss = pytest.importorskip("faiss")
BASE = np.random.default_rng(0).standard_normal((900, 6)).astype(np.float32)


@pytest.mark.parametrize("metric", ["l2", "cosine"])
def test_an_index_has_the_same_bytes_at_any_threads_and_blocks(
    tmp_path, monkeypatch, metric
) -> None:
    before = faiss.omp_get_max_threads()
    cards = []
    try:
        for threads, block in ((1, 1 << 20), (2, 24 * 50), (1, 24)):
            faiss.omp_set_num_threads(threads)
            monkeypatch.setattr(sources, "BLOCK_BYTES", block)
            folder = tmp_path / f"{threads}-{block}"
            cards.append(write_index(folder, ArraySource(BASE), IvfPqOptions(lists=9), metric, 3))
    finally:
        faiss.omp_set_num_threads(before)
    assert cards[0] == cards[1] == cards[2]


def test_lists_codes_and_training_fit_the_vectors(tmp_path) -> None:
    card = write_index(tmp_path / "i", ArraySource(BASE), IvfPqOptions(code_bytes=4))
    assert (card.lists, card.code_bytes, card.trained_on) == (22, 3, 900)
    assert card.code_bits == 4
    other = write_index(tmp_path / "j", ArraySource(BASE), IvfPqOptions(code_bytes=4), seed=1)
    assert other.sha256 != card.sha256


def test_what_cannot_be_indexed_is_refused(tmp_path) -> None:
    with pytest.raises(ImprintError, match="1 vectors are too few"):
        write_index(tmp_path / "i", ArraySource(BASE[:1]), IvfPqOptions())
    assert write_index(tmp_path / "j", ArraySource(BASE[:2]), IvfPqOptions()).lists == 1
    broken = BASE.copy()
    broken[700, 2] = np.inf
    with pytest.raises(ImprintError, match=r"base vector \d+ holds NaN or infinity"):
        write_index(tmp_path / "i", ArraySource(broken), IvfPqOptions())
    with pytest.raises(OptionError, match="nprobe must be at least 1, got 0"):
        IvfPqOptions(nprobe=0)
    assert not (tmp_path / "i").exists()


def test_a_damaged_index_is_refused_and_not_read(tmp_path) -> None:
    folder = tmp_path / "i"
    with pytest.raises(ImprintError, match="no index of neighbours"):
        read_index(folder, (900, 6), "l2")
    write_index(folder, ArraySource(BASE), IvfPqOptions())
    read_index(folder, (900, 6), "l2")
    content = bytearray((folder / "index.faiss").read_bytes())
    content[100] ^= 1
    (folder / "index.faiss").write_bytes(content)
    with pytest.raises(ImprintError, match=r"index\.faiss is damaged"):
        read_index(folder, (900, 6), "l2")
    (folder / "index.json").write_text("{}")
    with pytest.raises(ImprintError, match=r"index\.json is damaged"):
        read_index(folder, (900, 6), "l2")


def test_without_faiss_the_extra_is_named(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImprintError, match=r"pip install 'imprint\[knn\]', or search exactly"):
        write_index(tmp_path / "i", ArraySource(BASE), IvfPqOptions())


def hashed(folder, content: bytes, **changes) -> None:
    """Replace an index, and its hash on the card."""
    (folder / "index.faiss").write_bytes(content)
    card = json.loads((folder / "index.json").read_text())
    card |= {"sha256": hashlib.sha256(content).hexdigest(), **changes}
    (folder / "index.json").write_text(json.dumps(card))


@pytest.mark.parametrize("count", [40, 900])
@pytest.mark.parametrize("metric", ["l2", "cosine"])
def test_an_index_that_lies_about_its_counts_is_not_read(tmp_path, monkeypatch, metric, count):
    folder = tmp_path / "i"
    card = write_index(folder, ArraySource(BASE[:count]), IvfPqOptions(code_bytes=3), metric)
    content = (folder / "index.faiss").read_bytes()
    probed, values = 45, 4 * 6 * card.lists
    codes = 4 * 6 * 2**card.code_bits
    ends = len(content) - count * (8 + -(-3 * card.code_bits // 8))
    free = {*range(probed, probed + 8), *range(98, 98 + values)}
    free |= set(range(98 + values + 50, 98 + values + 50 + codes))
    read = []
    monkeypatch.setattr(faiss, "read_index", read.append)
    for at in set(range(ends)) - free:
        changed = bytearray(content)
        changed[at] ^= 0x41
        hashed(folder, bytes(changed))
        with pytest.raises(ImprintError, match="is not the index that its card describes"):
            read_index(folder, (count, 6), metric)
    assert not read
    for other in (content[:-1], content + b"0", content[:-8] + (count).to_bytes(8, "little")):
        hashed(folder, other)
        with pytest.raises(ImprintError, match="is not the index that its card describes"):
            read_index(folder, (count, 6), metric)
    hashed(folder, content)
    read_index(folder, (count, 6), metric)
    assert len(read) == 1


@pytest.mark.parametrize(
    "changes", [{"lists": "9"}, {"lists": 0}, {"code_bits": 60}, {"code_bytes": 4}, {"more": 1}]
)
def test_a_card_of_no_index_is_refused(tmp_path, changes) -> None:
    folder = tmp_path / "i"
    write_index(folder, ArraySource(BASE), IvfPqOptions())
    hashed(folder, (folder / "index.faiss").read_bytes(), **changes)
    with pytest.raises(ImprintError, match=r"index\.json is damaged"):
        read_index(folder, (900, 6), "l2")
