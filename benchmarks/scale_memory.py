"""Peak memory of embeddings and their search at 10⁶ × 256, each stage in a process of its own.

    OMP_NUM_THREADS=1 python benchmarks/scale_memory.py

Random float32 vectors go into a Parquet table of the form that studies keep, 256 at a time as
embedding does; then 1,000 queries are searched exactly in it, k = 100, block by block; an IVF-PQ
index is built of it, and searched with exact re-ranking and the recall of 64 queries. For
comparison the table is also read whole and searched in memory. ``peak MB`` is the greatest resident
memory of the process beyond that after the imports. All of it at two sizes, 8 × apart: what streams
has the same peak at both, but for the index, of 72 bytes a vector.

Exit code 1 when a stage that streams takes more than ``BOUND_MB`` and the index.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

K, BATCH, BYTES_OF_INDEX = 100, 256, 72
BOUND_MB = 550
"""A block of 64 MiB with its scores and copies, row groups, training vectors, code pages."""


def main() -> None:
    """Measure every stage at both sizes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vectors", type=int, default=1_000_000)
    parser.add_argument("--dimensions", type=int, default=256)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--stage", choices=STAGES, help="of a child process")
    parser.add_argument("--folder", type=Path, help="likewise")
    options = parser.parse_args()
    if options.stage is not None:
        print(json.dumps(measure(options)))
        return
    is_above = False
    for vectors in (options.vectors, options.vectors // 8):
        with tempfile.TemporaryDirectory() as folder:
            is_above |= measure_all(vectors, Path(folder), options)
    sys.exit(int(is_above))


def measure_all(vectors: int, folder: Path, options: argparse.Namespace) -> bool:
    """Print one line a stage; return whether one that streams is above the bound."""
    raw = 4 * vectors * options.dimensions / 1e6
    print(f"\n{vectors:,} × {options.dimensions}: {raw:,.0f} MB as float32")
    print(f"{'stage':<22}{'peak MB':>9}{'seconds':>10}{'CPU s':>9}")
    is_above = False
    for stage in STAGES:
        words = [sys.executable, __file__, "--stage", stage, "--folder", str(folder)]
        words += ["--vectors", str(vectors), "--dimensions", str(options.dimensions)]
        words += ["--queries", str(options.queries)]
        result = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
        figures = json.loads(result.stdout)
        print(
            f"{stage:<22}{figures['peak']:>9,.0f}{figures['seconds']:>10.1f}{figures['cpu']:>9.1f}",
            flush=True,
        )
        bound = BOUND_MB + BYTES_OF_INDEX * vectors / 1e6
        is_above |= stage != "search in memory" and figures["peak"] > bound
    return is_above


def measure(options: argparse.Namespace) -> dict[str, float]:
    """Return peak in MB beyond that after the imports, and seconds, of one stage."""
    import faiss  # noqa: F401 - imports count for no stage
    import pyarrow.parquet  # noqa: F401
    import torch  # noqa: F401

    import imprint.neighbors.approximate  # noqa: F401
    from imprint.core.progress import Verbosity, set_verbosity
    from imprint.study.peak_memory import measured

    set_verbosity(Verbosity.QUIET)
    queries = np.random.default_rng(1).standard_normal((options.queries, options.dimensions))
    queries = queries.astype(np.float32)
    start = time.perf_counter()
    with measured() as cost:
        STAGES[options.stage](options, queries)
    assert cost.peak_bytes is not None
    seconds = time.perf_counter() - start
    return {"peak": cost.peak_bytes / 1e6, "seconds": seconds, "cpu": cost.cpu_seconds}


def write(options: argparse.Namespace, queries: np.ndarray) -> None:
    """Write vectors a batch at a time."""
    from imprint.study.tables import writing_table

    random = np.random.default_rng(0)
    with writing_table(options.folder / "table.parquet") as append:
        for start in range(0, options.vectors, BATCH):
            stop = min(start + BATCH, options.vectors)
            shape = (stop - start, options.dimensions)
            vectors = random.standard_normal(shape, dtype=np.float32)
            append({"index": np.arange(start, stop), "backbone": vectors})


def search_exactly(options: argparse.Namespace, queries: np.ndarray) -> None:
    """Search block by block."""
    from imprint.neighbors.sources import TableSource
    from imprint.neighbors.streamed import nearest_streamed

    source = TableSource(options.folder / "table.parquet", "backbone")
    neighbors = nearest_streamed(queries, source, K, device="cpu")
    np.save(options.folder / "streamed.npy", neighbors.indices)


def build_index(options: argparse.Namespace, queries: np.ndarray) -> None:
    """Build an index of the table."""
    from imprint.neighbors.index_file import IvfPqOptions, write_index
    from imprint.neighbors.sources import TableSource

    source = TableSource(options.folder / "table.parquet", "backbone")
    write_index(options.folder / "index", source, IvfPqOptions())


def search_approximately(options: argparse.Namespace, queries: np.ndarray) -> None:
    """Search by the index, re-rank, measure the recall."""
    from imprint.neighbors.approximate import nearest_approximate
    from imprint.neighbors.index_file import IvfPqOptions
    from imprint.neighbors.sources import TableSource

    source = TableSource(options.folder / "table.parquet", "backbone")
    choice = IvfPqOptions(recall_queries=64)
    nearest_approximate(queries, source, options.folder / "index", K, choice, device="cpu")


def search_in_memory(options: argparse.Namespace, queries: np.ndarray) -> None:
    """Read the table whole and search it; the neighbours must be those of the streamed search."""
    from imprint.neighbors.nearest import nearest
    from imprint.study.tables import read_table

    base = read_table(options.folder / "table.parquet")["backbone"]
    neighbors = nearest(queries, base, K, device="cpu")
    assert np.array_equal(neighbors.indices, np.load(options.folder / "streamed.npy"))


STAGES: dict[str, Callable[[argparse.Namespace, np.ndarray], None]] = {
    "write": write,
    "exact search": search_exactly,
    "index": build_index,
    "approximate search": search_approximately,
    "search in memory": search_in_memory,
}


if __name__ == "__main__":
    main()
