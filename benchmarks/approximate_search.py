"""Recall of IVF-PQ at 10⁶ vectors with planted neighbours, and the déjà vu score with both.

    OMP_NUM_THREADS=1 python benchmarks/approximate_search.py

1,000,000 directions of 256 dimensions, Gaussian, of length 1. 250 attacked images a side are seen
by two models, each as a query of its own with 100 planted neighbours: directions at a cosine drawn
from [0.4, 0.9] of the query, the rest at random (others come to some 0.35). A share of a
query's planted neighbours, drawn from [0, 0.3] under the target and [0, 0.15] under the reference,
has the image's class of 100; all other labels are random. So votes are close, as of real crops,
and missed neighbours can change them. The two-model test is that of ``imprint dejavu``, k = 100.

Printed: recall@10 and recall@100 against the exact search by nprobe, with and without the exact
re-ranking of more candidates than are returned; seconds; the score with its interval; the share of
images whose guesses, and categories, are those of the exact search.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imprint.lenses.dejavu.memorization.two_model import Side, categories, two_model
from imprint.lenses.dejavu.memorization.votes import vote
from imprint.neighbors.approximate import nearest_approximate
from imprint.neighbors.index_file import IvfPqOptions, write_index
from imprint.neighbors.sources import NpySource
from imprint.neighbors.streamed import nearest_streamed

CLASSES, PLANTED = 100, 100
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Planted:
    """Queries of both models, an image a row, and what was planted for them.

    Attributes:
        queries: float32 ``[2, n, d]``, under the target and under the reference.
        image_labels: int64 ``[n]``.
        labels: int64 ``[M]``, of the base.
        sides: int64 ``[n]``, 0 or 1.
    """

    queries: NDArray[np.float32]
    image_labels: Rows
    labels: Rows
    sides: Rows


def main() -> None:
    """Plant, build, search, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vectors", type=int, default=1_000_000)
    parser.add_argument("--dimensions", type=int, default=256)
    parser.add_argument("--images", type=int, default=500, help="of both sides together")
    parser.add_argument("--nprobe", type=int, nargs="+", default=[4, 16, 64, 256])
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        compare(options, Path(folder))


def compare(options: argparse.Namespace, folder: Path) -> None:
    """Print one line a search."""
    planted = plant(folder / "base.npy", options)
    base = NpySource(folder / "base.npy")
    queries = planted.queries.reshape(-1, options.dimensions)
    start = time.perf_counter(), time.process_time()
    card = write_index(folder / "index", base, IvfPqOptions(), "l2", options.seed)
    print(f"{card.lists} lists, {card.code_bytes} bytes a vector, {card.trained_on} to train: "
          f"{time.perf_counter() - start[0]:.0f} s, {time.process_time() - start[1]:.0f} CPU s, "
          f"{(folder / 'index' / 'index.faiss').stat().st_size / 1e6:.0f} MB")  # fmt: skip
    start = time.perf_counter(), time.process_time()
    exact = nearest_streamed(queries, base, PLANTED, device="cpu").indices
    report("exact", start, exact, exact, planted)
    for nprobe in options.nprobe:
        for candidates in (PLANTED, 400):
            choice = IvfPqOptions(nprobe=nprobe, candidates=candidates, recall_queries=2)
            start = time.perf_counter(), time.process_time()
            result = nearest_approximate(
                queries, base, folder / "index", PLANTED, choice, seed=options.seed, device="cpu"
            )
            name = f"nprobe {nprobe}, {candidates} ranked"
            report(name, start, result.neighbors.indices, exact, planted)
    measured = nearest_approximate(
        queries, base, folder / "index", PLANTED, IvfPqOptions(), seed=options.seed, device="cpu"
    )
    low, high = measured.recall.ci95
    print(f"by default, recall as the search states it, of {measured.recall.n} queries: "
          f"{measured.recall.value:.3f} [{low:.3f}, {high:.3f}]")  # fmt: skip


def report(
    name: str, start: tuple[float, float], rows: Rows, exact: Rows, planted: Planted
) -> None:
    """Print recall, time, score and agreement of one search."""
    wall, processor = time.perf_counter() - start[0], time.process_time() - start[1]
    recalls = [recall(rows[:, :k], exact[:, :k]) for k in (10, PLANTED)]
    sides, exact_sides = sides_of(rows, planted), sides_of(exact, planted)
    test = two_model(sides, (100, 20))
    scores = [
        f"{100 * each.value:.1f} [{100 * each.ci95[0]:.1f}, {100 * each.ci95[1]:.1f}]"
        for each in (test["100"].score, test["20"].score)
    ]
    same_guess, same_category = agreement(sides, exact_sides)
    columns = [
        f"{name:<24} recall@10 {recalls[0]:.4f} recall@100 {recalls[1]:.4f}",
        f"{wall:6.1f} s {processor:6.1f} CPU s {1e3 * processor / len(rows):6.2f} CPU ms/query",
        f"score {scores[0]}, 20 %: {scores[1]}",
        f"same guess {same_guess:.4f}, same category {same_category:.4f}",
    ]
    print(" | ".join(columns), flush=True)


def recall(rows: Rows, exact: Rows) -> float:
    """Return the mean share of the exact neighbours that were found."""
    pairs = zip(rows, exact, strict=True)
    return float(np.mean([np.isin(true, near).mean() for near, true in pairs]))


def sides_of(rows: Rows, planted: Planted) -> list[Side]:
    """Return both directions of the two-model test by the neighbours of all queries."""
    target, reference = (
        vote(planted.labels[part], CLASSES) for part in rows.reshape(2, -1, rows.shape[1])
    )
    sides = []
    for number, name in enumerate("AB"):
        of = np.flatnonzero(planted.sides == number)
        labels = planted.image_labels[of]
        sides.append(Side(name, of, labels, target.rows(of), reference.rows(of)))
    return sides


def agreement(sides: list[Side], exact: list[Side]) -> tuple[float, float]:
    """Return the share of guesses, and of categories, that are those of the exact search."""
    guesses = [
        np.concatenate([side.target.ranked[:, 0], side.reference.ranked[:, 0]])
        == np.concatenate([other.target.ranked[:, 0], other.reference.ranked[:, 0]])
        for side, other in zip(sides, exact, strict=True)
    ]
    kinds = [
        (categories(side) == categories(other)).all(axis=1)
        for side, other in zip(sides, exact, strict=True)
    ]
    return float(np.concatenate(guesses).mean()), float(np.concatenate(kinds).mean())


def plant(path: Path, options: argparse.Namespace) -> Planted:
    """Write the base in blocks, planted neighbours at random rows; return queries and labels."""
    random = np.random.default_rng(options.seed)
    count, width, images = options.vectors, options.dimensions, options.images
    queries = unit(random.standard_normal((2, images, width), dtype=np.float32))
    image_labels = random.integers(0, CLASSES, images)
    labels = random.integers(0, CLASSES, count)
    base = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(count, width))
    for start in range(0, count, 100_000):
        shape = (min(100_000, count - start), width)
        base[start : start + shape[0]] = unit(random.standard_normal(shape, dtype=np.float32))
    rows = random.permutation(count)[: 2 * images * PLANTED].reshape(2, images, PLANTED)
    shares = random.random((2, images)) * np.array([[0.3], [0.15]])
    for model, image in np.ndindex(2, images):
        where, query = rows[model, image], queries[model, image]
        base[where] = around(query, random)
        own = random.random(PLANTED) < shares[model, image]
        labels[where[own]] = image_labels[image]
    base.flush()
    return Planted(queries, image_labels, labels, np.arange(images) % 2)


def around(query: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.float32]:
    """Return directions at cosines from [0.4, 0.9] of one, the rest of each at random."""
    cosine = random.uniform(0.4, 0.9, (PLANTED, 1))
    other = random.standard_normal((PLANTED, len(query)))
    other = unit(other - (other @ query)[:, None] * query)
    return np.asarray(cosine * query + np.sqrt(1 - cosine**2) * other, dtype=np.float32)


def unit(vectors: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return vectors of length 1."""
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


if __name__ == "__main__":
    main()
