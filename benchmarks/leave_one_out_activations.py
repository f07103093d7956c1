"""ReLU against GELU on the same records: networks that were retrained, and their processes.

    OMP_NUM_THREADS=1 python benchmarks/leave_one_out_activations.py --out runs/activations

GELU stands there three times: matched to ReLU, so that a typical record has the same variance in
all layers; with the W_std of ReLU, √2; and with that of the published networks, 1.9822, which the
publication sets beside a process of √2. Records, left-out rows and batches are the same for all.
Networks: root of the mean squared shift of a logit at the record; process: root of the mean
distance. Ratios are those of means over records, to ReLU, with 95 % intervals by bootstrap over
records; ρ is Spearman's. An interrupted run resumes where it stopped.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.core.seeds import generator
from imprint.lenses.leave_one_out.retraining_options import ComparisonOptions
from imprint.lenses.leave_one_out.study.compare import compare_study
from imprint.stats.bootstrap import percentile_interval
from imprint.stats.correlation import spearman
from imprint.stats.estimate import Estimate
from imprint.study.tables import read_table
from imprint.train.retrain_options import RetrainOptions

NOISE = 0.05
DRAWS = 2000


@dataclass(frozen=True)
class Row:
    """Networks of one activation."""

    name: str
    activation: str
    w_std: float | None = None
    match_to: Literal["relu"] | None = None


ROWS = (
    Row("relu", "relu"),
    Row("gelu matched", "gelu", match_to="relu"),
    Row("gelu sqrt 2", "gelu", w_std=2**0.5),
    Row("gelu 1.9822", "gelu", w_std=1.9822),
)


@dataclass(frozen=True)
class Measured:
    """What was found of one row: values of each record, and the findings of retraining."""

    networks: FloatArray
    process: FloatArray
    retraining: dict[str, Any]


def measure(row: Row, arguments: argparse.Namespace) -> Measured:
    """Retrain, and read what was found."""
    out = arguments.out / row.name.replace(" ", "_")
    options = ComparisonOptions(
        out=out,
        data=arguments.data,
        activation=row.activation,
        w_std=row.w_std,
        match_to=row.match_to,
        depth=arguments.depth,
        classes=("2",),
        records=arguments.records,
        queries=0,
        removed=arguments.removed,
        pairs=arguments.pairs,
        subsets=0,
        input_size=arguments.input_size,
        noise=(NOISE,),
        estimators=("none",),
        seed=arguments.seed,
        device="cpu",
        json=True,
        train=RetrainOptions(width=arguments.width, epochs=arguments.epochs),
    )
    found = compare_study(options)["lenses"]["leave_one_out"]["retraining"]
    table = read_table(out / "comparison" / "records.parquet")
    networks = np.sqrt(np.maximum(table["difference"], 0))
    return Measured(networks, table[f"lood_nngp_{NOISE:g}"], found)


def ratio(values: FloatArray, base: FloatArray, seed: int) -> Estimate:
    """Return the ratio of means over the same records."""
    rows = generator(seed, "ratio").integers(0, len(base), (DRAWS, len(base)))
    drawn = values[rows].mean(1) / base[rows].mean(1)
    return Estimate(float(values.mean() / base.mean()), percentile_interval(drawn), len(base))


def told(found: Estimate) -> str:
    """Return an estimate with its interval."""
    return f"{found.value:5.2f} [{found.ci95[0]:.2f}, {found.ci95[1]:.2f}]"


def main() -> None:
    """Print one row a setting."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", default="composite")
    for name, value in {
        "depth": 2,
        "records": 120,
        "removed": 50,
        "pairs": 24,
        "input-size": 16,
        "width": 128,
        "epochs": 30,
        "seed": 0,
    }.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    arguments = parser.parse_args()
    found = {row.name: measure(row, arguments) for row in ROWS}
    base = found["relu"]
    print(f"{arguments.removed} of {arguments.records} records, {arguments.pairs} pairs each")
    titles = ("networks / relu", "process / relu", "rho to relu", "rho of process, networks")
    print(f"{'':14}{'variance':>16}" + "".join(f"  {title:>24}" for title in titles))
    for name, row in found.items():
        first, *_, last = row.retraining["variances"]
        seed = arguments.seed
        cells = [
            told(ratio(row.networks, base.networks, seed)),
            told(ratio(row.process, base.process, seed)),
            "-"
            if row is base
            else told(spearman(row.networks, base.networks, generator(seed, name))),
            told(spearman(row.process, row.networks, generator(seed, name, "process"))),
        ]
        print(f"{name:14}{f'{first:.3g} to {last:.3g}':>16}" + "".join(f"  {c:>24}" for c in cells))


if __name__ == "__main__":
    main()
