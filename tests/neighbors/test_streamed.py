import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.neighbors import sources
from imprint.neighbors.nearest import nearest
from imprint.neighbors.sources import ArraySource, NpySource, TableSource
from imprint.neighbors.streamed import nearest_streamed
from imprint.study.tables import write_table


@pytest.mark.parametrize("metric", ["l2", "cosine"])
@pytest.mark.parametrize("rows", [1, 7, 50, 300])
@pytest.mark.parametrize("spread", [1, 1000])
def test_blocks_of_any_size_give_the_bytes_of_one_search(
    tmp_path, monkeypatch, metric, rows, spread
) -> None:
    monkeypatch.setattr(sources, "BLOCK_BYTES", 16 * rows)
    random = np.random.default_rng(rows)
    base = random.integers(-spread, spread + 1, (300, 4)).astype(np.float32)
    queries = random.integers(-spread, spread + 1, (9, 4)).astype(np.float32)
    np.save(tmp_path / "v.npy", base)
    write_table(tmp_path / "v.parquet", {"index": np.arange(300), "v": base})
    whole = nearest(queries, base, 20, metric, device="cpu")
    for source in (
        ArraySource(base),
        NpySource(tmp_path / "v.npy"),
        TableSource(tmp_path / "v.parquet", "v"),
    ):
        streamed = nearest_streamed(queries, source, 20, metric, device="cpu")
        assert streamed.indices.tobytes() == whole.indices.tobytes()
        assert streamed.distances.tobytes() == whole.distances.tobytes()


def test_a_vector_that_is_not_finite_is_named_by_its_row(monkeypatch) -> None:
    monkeypatch.setattr(sources, "BLOCK_BYTES", 16 * 3)
    base = np.ones((10, 4), dtype=np.float32)
    base[8, 1] = np.nan
    with pytest.raises(ImprintError, match="base vector 8 holds NaN"):
        nearest_streamed(np.ones((1, 4)), ArraySource(base), 1)


def test_what_does_not_fit_is_refused() -> None:
    base = ArraySource(np.ones((10, 4), dtype=np.float32))
    with pytest.raises(ImprintError, match="choose k in 1…10"):
        nearest_streamed(np.ones((1, 4)), base, 11)
    with pytest.raises(ImprintError, match="3 dimensions"):
        nearest_streamed(np.ones((1, 3)), base, 1)
