import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.launch.launcher import using
from imprint.launch.shards import cut_into
from imprint.neighbors.in_tasks import ShardOf, nearest_in_tasks
from imprint.neighbors.nearest import nearest
from imprint.neighbors.sources import ArraySource, NpySource, TableSource
from imprint.study.tables import write_table
from tests.launch.inline import InlineLauncher, Killed

ROWS, WIDTH = 1000, 6


@pytest.fixture(scope="module")
def base():
    # Few values: many distances are equal, and ties must fall as in one search.
    return np.random.default_rng(0).integers(0, 3, (ROWS, WIDTH)).astype(np.float32)


def sources(base, folder):
    np.save(folder / "base.npy", base)
    write_table(folder / "base.parquet", {"index": np.arange(len(base)), "layer": base})
    table = TableSource(folder / "base.parquet", "layer")
    return [ArraySource(base), NpySource(folder / "base.npy"), table]


@pytest.mark.parametrize("metric", ["l2", "cosine"])
@pytest.mark.parametrize("k", [1, 30, 700])
def test_shards_of_the_base_give_the_bytes_of_one_search(tmp_path, base, metric, k):
    queries = base[::50] + np.float32(0.5)
    expected = nearest(queries, base, k, metric)
    for source in sources(base, tmp_path):
        launcher = InlineLauncher()
        with using(launcher), cut_into(3):
            found = nearest_in_tasks(queries, source, "base", k, metric, "cpu", tmp_path, "look")
        assert found.indices.tobytes() == expected.indices.tobytes()
        assert found.distances.tobytes() == expected.distances.tobytes()
        assert [key.split("/")[1] for key in launcher.keys] == ["0-512", "512-768", "768-1000"]
    assert not list(tmp_path.glob(".neighbours*"))


def test_a_killed_search_goes_on_and_another_base_does_not(tmp_path, base):
    def search(launcher, content="base"):
        with using(launcher), cut_into(4):
            source = ArraySource(base)
            nearest_in_tasks(base[:3], source, content, 5, "l2", "cpu", tmp_path, "look")
        return len(launcher.keys)

    for content, rest in (("other", 4), ("base", 2)):
        with pytest.raises(Killed):
            search(InlineLauncher(survives=2))
        assert search(InlineLauncher(), content) == rest
    assert not list(tmp_path.glob(".neighbours*"))


def test_what_one_search_refuses_is_refused(tmp_path, base):
    wrong = base.copy()
    wrong[600, 1] = np.nan
    with using(InlineLauncher()), cut_into(2):
        with pytest.raises(ImprintError, match="base vector 600 holds NaN"):
            nearest_in_tasks(base[:2], ArraySource(wrong), "", 5, "l2", "cpu", tmp_path, "look")
        with pytest.raises(ImprintError, match="choose k in 1…1000"):
            nearest_in_tasks(base[:2], ArraySource(base), "", 1001, "l2", "cpu", tmp_path, "look")


def test_a_shard_numbers_its_rows_from_zero(tmp_path, base):
    for source in sources(base, tmp_path):
        shard = ShardOf(source, 100, 130)
        assert shard.shape == (30, WIDTH)
        blocks = list(shard.blocks())
        assert blocks[0][0] == 0
        np.testing.assert_array_equal(np.concatenate([rows for _, rows in blocks]), base[100:130])
        ((part, rows),) = shard.gather(np.array([3, 4, 9]))
        assert part == slice(0, 3)
        np.testing.assert_array_equal(rows, base[[103, 104, 109]])
