"""What guidance by coverage finds, and what mutants cost beside the bare forward pass.

    python benchmarks/coverage_fuzzing.py --model lenet.safetensors --members mnist --seeds mnist \
        --members-part train --seeds-part test

The model has its card beside it. Every criterion and both controls search for faults among the same
seeds within the same budget, with ``--repeats`` seeds of everything random: unique faults, faults
and pairs of classes, as mean and range. Before that a round of mutants and as many bare forward
passes are timed in turn, and their median ratio is printed, in seconds of the processor.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np
import torch

from imprint.core.progress import Verbosity, set_verbosity
from imprint.lenses.coverage.faults.findings import Fuzzing
from imprint.lenses.coverage.faults.fuzz import search_step
from imprint.lenses.coverage.faults.network import watched_classifier
from imprint.lenses.coverage.faults.options import FuzzOptions
from imprint.lenses.coverage.faults.oracles import SeedLabels
from imprint.lenses.coverage.faults.search import SearchFaults
from imprint.lenses.coverage.fuzzing.guide import CONTROLS
from imprint.lenses.coverage.fuzzing.search import Search
from imprint.nets.image_model import ImageModel
from imprint.study.finding import read_finding
from imprint.study.store import Study

TIMED_ROUNDS = 40


def main() -> None:
    """Measure one network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("model", "members", "seeds"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    for name in ("members-part", "seeds-part"):
        parser.add_argument(f"--{name}", default="")
    parser.add_argument("--criteria", default="nc,kmnc,nbc,tknc,tknp,nlc,idc,random,none")
    parser.add_argument("--timed", default="nc,tknc,kmnc,random")
    parser.add_argument("--member-records", type=int, default=5000)
    parser.add_argument("--seed-records", type=int, default=500)
    parser.add_argument("--budget", type=int, default=10_000)
    parser.add_argument("--round-size", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    set_verbosity(Verbosity.QUIET)
    with tempfile.TemporaryDirectory() as folder:
        options = FuzzOptions(
            out=Path(folder),
            model=given.model,
            members=given.members,
            seeds=given.seeds,
            members_part=given.members_part,
            seeds_part=given.seeds_part,
            member_records=given.member_records,
            seed_records=given.seed_records,
            budget=given.budget,
            round_size=given.round_size,
            minimise=0,
            device="cpu",
        )
        for criterion in given.timed.split(","):
            print_speed(replace(options, criterion=criterion, out=Path(folder, "speed")))
        for criterion in given.criteria.split(","):
            print_faults(replace(options, criterion=criterion), given.repeats)


def print_speed(options: FuzzOptions) -> None:
    """Print mutants per second, and as a multiple of bare forward passes per second."""
    step = search_step(Study(options.out), replace(options, budget=10**7))
    model = step.network.model
    bare_model = step.network.file.load(model.device).place(model.device).eval()
    with watched_classifier(model, step.taps, options.criterion not in CONTROLS) as subject:
        search = step.start(subject, SeedLabels(), step.seeds.read(model.input_size).pixels)
        rounds = search.rounds(subject, SeedLabels())
        timed = [_time_round(search, rounds, bare_model) for _ in range(TIMED_ROUNDS)][5:]
    ratios = [bare / mutants for mutants, bare in timed]
    rate = 1 / median(mutants for mutants, _ in timed)
    low, high = np.quantile(ratios, [0.25, 0.75])
    print(
        f"{options.criterion:8} {rate:9,.0f} mutants/s, {median(ratios):.2f} of the bare forward "
        f"pass (half of the rounds {low:.2f} to {high:.2f})"
    )


def _time_round(search: Search, rounds: Iterator[int], model: ImageModel) -> tuple[float, float]:
    """Return processor seconds of a mutant and of a bare forward pass, one after the other."""
    start = time.process_time()
    passes = next(rounds)
    mutants = (time.process_time() - start) / passes
    pixels = np.resize(search.seeds, (passes, *search.seeds.shape[1:]))
    start = time.process_time()
    with torch.no_grad():
        model(model.to_inputs(pixels))
    return mutants, (time.process_time() - start) / passes


def print_faults(options: FuzzOptions, repeats: int) -> None:
    """Print what a criterion finds, mean and range over seeds."""
    found = [_fuzz(replace(options, seed=seed)) for seed in range(repeats)]
    columns = {
        "unique": [each.unique for each in found],
        "faults": [each.faults for each in found],
        "pairs": [each.pair_count for each in found],
    }
    words = [
        f"{name} {np.mean(values):6.1f} ({min(values)} to {max(values)})"
        for name, values in columns.items()
    ]
    coverage = [each.curve.coverage for each in found]
    grown = "" if coverage[0] is None else f"{coverage[0][0]:.3f} to {coverage[0][-1]:.3f}"
    print(f"{options.criterion:8} {'  '.join(words)}  {grown}", flush=True)


def _fuzz(options: FuzzOptions) -> Fuzzing:
    with tempfile.TemporaryDirectory() as folder:
        study = Study(Path(folder))
        step: SearchFaults = search_step(study, replace(options, out=Path(folder)))
        return read_finding(Fuzzing, study.run(step) / "findings.json")


if __name__ == "__main__":
    main()
