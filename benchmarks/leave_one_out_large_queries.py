"""Queries of fits beyond dense memory: agreement with the dense fit, seconds and peak memory.

    python benchmarks/leave_one_out_large_queries.py agreement --data cifar10 --records 5000
    python benchmarks/leave_one_out_large_queries.py cost --data cifar10 --records 5000 10000 20000

Fully connected ReLU kernel of depth 5 on standardised pixels of CIFAR-10, ten classes, noise
variance 0.1; records from the training images, queries from the test images (added records too).
Every command runs as a user would run it, in a process of its own, so that its peak is its own.
Beside its seconds stand those of bare matrix products of the same count of multiplications in the
same process, by the rate of a product before and after it: their ratio says less of other load on
the machine than seconds do.

``agreement`` leaves with 1 if a measure of exact or hybrid is off by more than 1e-4 of its largest
value, or by more than the bound stated, the error of the diagonal set aside.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

CLASSES = 10
METHODS = ("exact", "hybrid", "out_of_core", "nystrom")
WIDTH = 3072


def images(folder: Path, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return unit pixels ``[n, 3072]``, float32, and classes, balanced, in one order per count."""
    from PIL import Image

    kinds = sorted(path for path in folder.iterdir() if path.is_dir())[:CLASSES]
    files = [path for kind in kinds for path in sorted(kind.iterdir())[: count // len(kinds)]]
    labels = np.array([kinds.index(path.parent) for path in files])
    pixels = np.stack([np.asarray(Image.open(path).convert("RGB")) for path in files])
    order = np.random.default_rng(0).permutation(len(files))
    return pixels.reshape(len(files), -1)[order].astype(np.float32) / 255, labels[order]


def write_inputs(root: Path, data: Path, records: int, queries: int, added: int) -> None:
    """Write records, queries, added records and groups as a user would."""
    x, y = images(data / "train", records)
    others, labels = images(data / "test", queries + CLASSES * (added // CLASSES + 1))
    mean = x.reshape(len(x), -1, 3).mean((0, 1))
    deviation = x.reshape(len(x), -1, 3).std((0, 1))

    def scaled(values: np.ndarray) -> np.ndarray:
        return ((values.reshape(len(values), -1, 3) - mean) / deviation).reshape(len(values), -1)

    np.savez(root / "records.npz", x=scaled(x), y=y)
    np.savez(root / "queries.npz", queries=scaled(others[:queries]), query_labels=labels[:queries])
    rest = slice(queries, queries + added)
    np.savez(root / "added.npz", x=scaled(others[rest]), y=labels[rest])
    sizes = (1, 5, 50, 200)
    rows = np.random.default_rng(1).permutation(len(x))[: sum(sizes)]
    np.savez(root / "groups.npz", index=rows, group=np.repeat(np.arange(len(sizes)), sizes))


def rates() -> dict[str, float]:
    """Return GFLOP/s of bare products of 2048 × 2048 numbers, as all threads reach them now."""
    import torch

    found = {}
    for name in ("float32", "float64"):
        one = torch.randn(2048, 2048, dtype=getattr(torch, name))
        one @ one
        start = time.perf_counter()
        for _ in range(3):
            one @ one
        found[name] = 3 * 2 * 2048**3 / (time.perf_counter() - start) / 1e9
    return found


def command(words: list[str]) -> dict[str, Any]:
    """Run one command here; return its cost and the rates around it."""
    from imprint.cli import run
    from imprint.study.peak_memory import measured

    before = rates()
    with measured() as cost:
        run(words)
    after = rates()
    return {"rates": {name: (before[name] + after[name]) / 2 for name in before}, **asdict(cost)}


def in_a_process(words: list[str]) -> dict[str, Any]:
    """Run one command in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        cost: dict[str, Any] = pool.apply(command, (words,))
    return cost


def fit_words(root: Path, out: Path, method: str, *more: str) -> list[str]:
    """Return the words of a fit."""
    start = ["leave-one-out", "fit", "--arrays", str(root / "records.npz"), "--out", str(out)]
    return [*start, "--noise", "0.1", "--method", method, "--json", *more]


def query_words(root: Path, fit: Path, out: Path, *more: str) -> list[str]:
    """Return the words of queries."""
    start = ["leave-one-out", "query", "--fit", str(fit), "--out", str(out), "--json"]
    return [*start, "--queries", str(root / "queries.npz"), *more]


def agreement(options: argparse.Namespace) -> int:
    """Print how far each measure of each method is from the dense fit."""
    good = True
    with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
        root = Path(folder)
        write_inputs(root, options.data, options.records[0], options.queries, 50)
        more = ("--groups", str(root / "groups.npz"), "--add", str(root / "added.npz"))
        in_a_process(fit_words(root, root / "dense", "dense"))
        in_a_process(query_words(root, root / "dense", root / "truth", *more))
        for method in options.methods:
            in_a_process(fit_words(root, root / method, method))
            out = root / f"{method}_answers"
            in_a_process(query_words(root, root / method, out, *more))
            good &= compare(method, out / "leave_one_out", root / "truth" / "leave_one_out")
    return 0 if good else 1


def compare(method: str, out: Path, truth: Path) -> bool:
    """Print the differences of one method; return whether they are as small as they must be."""
    good = True
    for part in ("queries", "groups", "additions"):
        accuracy = json.loads((out / part / f"{part}.json").read_text())["accuracy"]
        median, high = accuracy["diagonal_error"]
        print(
            f"{method}, {part}: residual {accuracy['residual']:.1e} of {accuracy['tolerance']:.0e}"
            f" asked, {accuracy['passes']} passes; diagonal off by {median:.1e} (median), "
            f"{high:.1e} (95 %)"
        )
        for file in sorted((truth / part).glob("*.npy")):
            wanted, values = np.load(file), np.load(out / part / file.name)
            largest, off = np.abs(wanted).max(), np.abs(values - wanted).max()
            stated = {
                kind: accuracy[f"error_{kind}"].get(file.stem) for kind in ("about", "at_most")
            }
            words = ", ".join(
                f"stated {kind.replace('_', ' ')} {value:.1e}"
                for kind, value in stated.items()
                if value is not None and part == "queries"
            )
            print(
                f"  {file.stem:14} largest {largest:9.3g}  off by {off:.1e} ({off / largest:.1e} "
                f"of the largest)  {words}"
            )
            limit = 1e-4 * largest
            good &= method == "nystrom" or off <= limit
            if part == "queries" and stated["at_most"] is not None:
                scale = 10 * high * largest + 1e-9 * largest
                good &= off <= stated["at_most"] + scale
    sys.stdout.flush()
    return good


def cost(options: argparse.Namespace) -> int:
    """Print seconds, peak memory and ratios to bare products by number of records."""
    for records in options.records:
        with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
            root = Path(folder)
            write_inputs(root, options.data, records, options.queries, CLASSES)
            for method in options.methods:
                kept = () if method == "nystrom" else ("--keep-factor",)
                memory = () if options.memory is None else ("--memory", str(options.memory))
                fit = in_a_process(fit_words(root, root / method, method, *kept, *memory))
                show(f"{method} fit", records, fit, None)
                out = root / f"{method}_answers"
                limits = ["--measures", options.measures, "--values", "float32", *memory]
                if options.passes:
                    limits += ["--passes", str(options.passes)]
                query = in_a_process(query_words(root, root / method, out, *limits))
                found = json.loads((out / "leave_one_out" / "queries" / "queries.json").read_text())
                show(f"{method} query", records, query, (options.queries, found["accuracy"]))
    return 0


def show(what: str, records: int, cost: dict[str, Any], answers: tuple[int, Any] | None) -> None:
    """Print one line of costs."""
    peak = (cost["peak_bytes"] or 0) / 2**30
    line = (
        f"{what}: n {records:,}, {cost['seconds']:.0f} s ({cost['cpu_seconds']:.0f} s of cores), "
        f"peak {peak:.2f} GiB; bare products {cost['rates']['float32']:.0f} and "
        f"{cost['rates']['float64']:.0f} GFLOP/s (float32, float64)"
    )
    if answers is not None:
        queries, accuracy = answers
        passes = accuracy["passes"]
        # Of each pass: the Gram matrix, the product with all queries; and two solves of a factor.
        products = passes * (records**2 * WIDTH + 2 * records**2 * queries)
        bare = products / (cost["rates"]["float64"] * 1e9)
        bare += (passes + 1) * 2 * records**2 * queries / (cost["rates"]["float32"] * 1e9)
        line += (
            f"; {queries:,} queries, {passes} passes, residual {accuracy['residual']:.1e}, "
            f"KL off by about {accuracy['error_about'].get('kl_out_in', float('nan')):.1e}; "
            f"{cost['seconds'] / bare:.2f} times bare products"
        )
    print(line, flush=True)


def main() -> int:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("agreement", "cost"))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--records", type=int, nargs="+", default=[5000])
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--measures", default="kl_out_in,influence")
    parser.add_argument("--passes", type=int)
    parser.add_argument("--memory", type=float, help="GiB")
    parser.add_argument("--scratch", type=Path, default=Path())
    options = parser.parse_args()
    return agreement(options) if options.what == "agreement" else cost(options)


if __name__ == "__main__":
    sys.exit(main())
