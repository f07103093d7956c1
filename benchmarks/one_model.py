"""Does the one-model test find what the two-model test finds, at a fraction of its cost?

On the embedded data at several background correlations ρ, where the truth is known, two models are
trained as the audit does. The two-model score of model A (A on its images less B on them) stands
beside the one-model score of A against each reference: cross-fitted on attacked images, trained
once on the other set as published, and cross-fitted on all crops, public ones among them. Given is
the difference, paired over images, with its interval; ``excess`` is the one-model score less that
on images A never saw.

    python benchmarks/one_model.py --out runs/one_model

Seconds are of the CPU, of all processes, so a busy machine does not change the share.
"""

from __future__ import annotations

import argparse
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from imprint.audits.options import AuditOptions
from imprint.audits.steps import draft_partition, split_step, train_step
from imprint.core.device import choose_device
from imprint.core.seeds import generator
from imprint.data.choice import open_choice
from imprint.lenses.dejavu.options import OneModelOptions
from imprint.lenses.dejavu.study.backgrounds import attacked_set
from imprint.lenses.dejavu.study.one_model import run_one_model_test
from imprint.lenses.dejavu.study.two_model import run_two_model_test
from imprint.nets.load import NetworkFile
from imprint.stats.bootstrap import mean_difference
from imprint.study.finding import write_finding
from imprint.study.json_io import read_json, write_json
from imprint.study.store import Study
from imprint.study.tables import positions_of, read_table

CROSS_FITTED = "cross-fitted"
VARIANTS: dict[str, dict[str, Any]] = {
    CROSS_FITTED: {"folds": 5, "learn_from": "attacked"},
    "trained once (published)": {"folds": 1, "learn_from": "attacked"},
    "cross-fitted, all crops": {"folds": 5, "learn_from": "all"},
}
RIGHT_OF_TWIN, RIGHT_OF_MODEL = (0, 2), (0, 1)
"""Categories in which the second model, and the model itself, are right."""


def main() -> None:
    """Run every ρ and print one row for each reference and variant."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--correlations", type=float, nargs="+", default=[0.0, 0.3, 0.6, 0.9])
    parser.add_argument(
        "--variants", type=int, default=len(VARIANTS), help="only the first so many"
    )
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    print("| ρ | variant | reference | g right | one-model | two-model | difference | excess |")
    print("|" + "---|" * 8)
    shares = []
    for correlation in arguments.correlations:
        folder = arguments.out / f"rho{correlation:g}"
        options = AuditOptions(
            out=folder, seed=arguments.seed, background_correlation=correlation, json=True
        )
        two_seconds = _timed(folder, lambda options=options: _two(options))
        truth = _two_model_records(folder)
        for name, variant in list(VARIANTS.items())[: arguments.variants]:
            out = arguments.out / f"one_rho{correlation:g}_{list(VARIANTS).index(name)}"
            seconds = _timed(
                out,
                lambda out=out, options=options, variant=variant: _one(out, options, variant),
            )
            _print_rows(correlation, name, out, truth)
            if name == CROSS_FITTED and seconds and two_seconds:
                shares.append((correlation, seconds, two_seconds))
    for correlation, one, two in shares:
        print(f"ρ = {correlation:g}: {one:.1f} s of {two:.1f} s, {100 * one / two:.0f} %")


def _two(options: AuditOptions) -> None:
    study = Study(options.out)
    images = open_choice(options, options.seed)
    partition = draft_partition(images, options)
    study.run(split_step(images, options))
    attacked = attacked_set(images, partition, options)
    device = choose_device(options.device)
    checkpoints = train_step(study, images, partition, options, device)
    last = {name: NetworkFile(file) for name, file in checkpoints.items() if "@" not in name}
    run_two_model_test(study, images, partition, attacked, last, options, options.train.epochs)


def _one(out: Path, two: AuditOptions, variant: dict[str, Any]) -> None:
    options = OneModelOptions(
        out=out,
        seed=two.seed,
        model=two.out / "models" / "A" / "final.safetensors",
        split=two.out / "split",
        per_class=two.per_class,
        background_correlation=two.background_correlation,
        device=two.device,
        **variant,
    )
    images = open_choice(options, options.seed)
    _, findings = run_one_model_test(Study(out), images, options)
    write_finding(out / "findings.json", findings)


def _timed(folder: Path, work: Callable[[], None]) -> float | None:
    """Do the work; return its CPU seconds, None where part of it had been done unwatched."""
    file, fresh, before = folder / "seconds.json", not folder.exists(), _cpu_seconds()
    work()
    if fresh:
        write_json(file, {"cpu_seconds": _cpu_seconds() - before})
    return float(read_json(file)["cpu_seconds"]) if file.exists() else None


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _two_model_records(folder: Path) -> dict[str, np.ndarray]:
    """Return index and gain, A right less B right, of the images of A."""
    records = read_table(folder / "tables" / "dejavu" / "records.parquet")
    mine = records["side"] == 0
    kinds = records["category"][mine]
    gain = np.isin(kinds, RIGHT_OF_MODEL).astype(float) - np.isin(kinds, RIGHT_OF_TWIN)
    return {"index": records["index"][mine], "gain": gain}


def _print_rows(correlation: float, variant: str, out: Path, truth: dict[str, np.ndarray]) -> None:
    findings = read_json(out / "findings.json")
    records = read_table(out / "tables" / "one_model" / "records.parquet")
    rows = positions_of(truth["index"], records["index"], "images of A")
    two = truth["gain"][rows]
    for name, against in findings["against"].items():
        test = against["test"]["100"]
        kinds = records[f"{name}_category"]
        one = np.isin(kinds, RIGHT_OF_MODEL).astype(float) - np.isin(kinds, RIGHT_OF_TWIN)
        gap = mean_difference(one, two, generator(0, "one against two"))
        excess = findings["non_members"].get("against", {}).get(name, {}).get("excess")
        best = " (best)" if name == findings["best"] else ""
        print(
            f"| {correlation:g} | {variant} | {name}{best} "
            f"| {test['reference_accuracy']['value']:.3f} | {_cell(test['score'])} "
            f"| {two.mean():.3f} | {_cell(gap.to_dict())} | {_cell(excess)} |",
            flush=True,
        )


def _cell(estimate: dict[str, Any] | None) -> str:
    if estimate is None:
        return "–"
    low, high = estimate["ci95"]
    return f"{estimate['value']:.3f} [{low:.3f}, {high:.3f}]"


if __name__ == "__main__":
    main()
