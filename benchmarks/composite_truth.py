"""Does the two-model test tell memorization from correlation where the truth is known?

Runs the whole audit on the embedded data at several background correlations ρ and seeds. The
share of correlated images must rise with ρ; the déjà vu score must not.

    python benchmarks/composite_truth.py --out runs/truth --seeds 0 1
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from imprint.audits.options import AuditOptions
from imprint.audits.run import run_audit
from imprint.study.tables import read_table

COLUMNS = ("score", "target_accuracy", "reference_accuracy", "memorized", "forgotten", "correlated")


def main() -> None:
    """Run every (ρ, seed) and print one row each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--correlations", type=float, nargs="+", default=[0.0, 0.3, 0.6, 0.9])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    arguments = parser.parse_args()
    rows = []
    print("| ρ | seed | " + " | ".join(COLUMNS) + " | controls |")
    print("|" + "---|" * (len(COLUMNS) + 3))
    for correlation in arguments.correlations:
        for seed in arguments.seeds:
            out = arguments.out / f"rho{correlation:g}_seed{seed}"
            options = AuditOptions(
                out=out, seed=seed, background_correlation=correlation, json=True
            )
            found = run_audit(options)["lenses"]["dejavu"]
            estimates = found["two_model"]["100"]
            passed = sum(control["passed"] for control in found["controls"].values())
            cells = [_cell(estimates[name]) for name in COLUMNS]
            print(f"| {correlation:g} | {seed} | {' | '.join(cells)} | {passed}/3 |", flush=True)
            rows.append((correlation, [estimates[name]["value"] for name in COLUMNS]))
            if correlation == 0:
                _print_epochs(out)
    for correlation in arguments.correlations:
        values = np.array([row for each, row in rows if each == correlation])
        spread = values.std(axis=0, ddof=1) if len(values) > 1 else np.zeros(len(COLUMNS))
        cells = [f"{m:.3f} ± {s:.3f}" for m, s in zip(values.mean(axis=0), spread, strict=True)]
        print(f"| {correlation:g} | mean ± sd | {' | '.join(cells)} | |")


def _cell(estimate: dict) -> str:
    low, high = estimate["ci95"]
    return f"{estimate['value']:.3f} [{low:.3f}, {high:.3f}]"


def _print_epochs(out: Path) -> None:
    table = read_table(out / "tables" / "dejavu" / "epochs.parquet")
    for row, epoch in enumerate(table["index"]):
        low, high = table["score_low"][row], table["score_high"][row]
        print(f"    epoch {epoch}: score {table['score'][row]:.3f} [{low:.3f}, {high:.3f}]")


if __name__ == "__main__":
    main()
