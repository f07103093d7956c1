"""``leave-one-out landscape``: what is told along lines through removed records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.core.seeds import generator
from imprint.lenses.leave_one_out.linalg.threads import one_thread_a_sum
from imprint.lenses.leave_one_out.posterior.options import LeaveOneOutChoice
from imprint.lenses.leave_one_out.search.landscape import (
    Landscape,
    brightness_directions,
    eigenvector_directions,
    landscape,
    neighbour_directions,
    random_directions,
    symmetric_steps,
)
from imprint.lenses.leave_one_out.study.fit import Fit, check_fit, check_one_noise, double_device
from imprint.lenses.leave_one_out.study.search_options import LandscapeOptions
from imprint.lenses.leave_one_out.study.study import facts_of, read_fitted
from imprint.report.summary import finish
from imprint.study.json_io import read_json, write_json
from imprint.study.options import DataChoice
from imprint.study.step_settings import card_settings, fields_of
from imprint.study.store import Study
from imprint.study.tables import write_table

STEP = "leave_one_out_landscape"
FITTED = (*fields_of(LeaveOneOutChoice, DataChoice), "channels")
"""Options that are on the card of the fit."""
MEASURES = ("kl_out_in", "auc", "mean_distance")


def landscape_study(options: LandscapeOptions) -> dict[str, Any]:
    """Look along the lines, write the table and the page; return the content of ``summary.json``.

    Raises:
        ImprintError: bad data, or options that do not fit.
    """
    for name in ("removed", "lines", "steps"):
        if getattr(options, name) < 1:
            raise ImprintError(f"--{name} is {getattr(options, name)}: it must be at least 1")
    if not 0 < options.reach < np.inf:
        raise ImprintError(f"--reach is {options.reach:g}: it must be above 0")
    check_one_noise(options)
    study, device = Study(options.out), double_device(options.device)
    with study.locked(), one_thread_a_sum():
        inputs, images, _ = read_fitted(options)
        found = check_fit(inputs, options, device)
        settings = {**found.settings, **card_settings(options, without=FITTED)}
        folder = study.step(STEP, settings, lambda path: _write(path, found, options))
        findings: dict[str, Any] = read_json(folder / "findings.json")
        return finish(study, options, facts_of(options, inputs, images), {STEP: findings})


def _write(folder: Path, found: Fit, options: LandscapeOptions) -> None:
    folder.mkdir(exist_ok=True)
    order = generator(options.seed, "removed records").permutation(len(found.values))
    removed = torch.from_numpy(order[: options.removed]).to(found.device)
    kinds = _directions(found, removed, options)
    steps = symmetric_steps(options.reach, options.steps).to(found.device)
    directions = torch.cat(list(kinds.values()), dim=1)
    seen = landscape(found.kernel, found.values, found.posterior, removed, directions, steps)
    names = [name for name, lines in kinds.items() for _ in range(lines.shape[1])]
    index = found.inputs.index[removed.cpu().numpy()]
    write_table(folder / "lines.parquet", _columns(seen, index, names))
    write_json(folder / "findings.json", _findings(seen, names, options))


def _directions(found: Fit, removed: Tensor, options: LandscapeOptions) -> dict[str, Tensor]:
    values, shape = found.values, found.values.shape[1:]
    names = found.inputs.index[removed.cpu().numpy()].tolist()
    black = torch.zeros(shape, dtype=torch.float64, device=found.device)
    if found.inputs.pixels is not None:
        unit = found.inputs.pixels.scaled(np.zeros((1, *shape)))[0]
        black = torch.from_numpy(unit).to(values)
    random = random_directions(shape, names, options.lines, options.seed).to(values)
    return {
        "random": random,
        "neighbour": neighbour_directions(values, found.posterior.kernel_matrix, removed),
        "principal": eigenvector_directions(values, options.lines, removed),
        "brightness": brightness_directions(values, black, removed),
    }


def _columns(seen: Landscape, index: Any, names: list[str]) -> dict[str, Any]:
    """Return one row a record, line and step."""
    records, lines, steps = seen.kl_out_in.shape
    return {
        "index": np.repeat(index, lines * steps),
        "line": np.tile(np.repeat(np.arange(lines), steps), records),
        "direction": np.tile(np.repeat(names, steps), records),
        "step": np.tile(seen.steps.cpu().numpy(), records * lines),
        **{name: getattr(seen, name).flatten().cpu().numpy() for name in MEASURES},
    }


def _findings(seen: Landscape, names: list[str], options: LandscapeOptions) -> dict[str, Any]:
    """Return medians over records of each measure relative to step 0, and where peaks lie."""
    kinds = list(dict.fromkeys(names))
    curves: dict[str, Any] = {}
    for kind in kinds:
        lines = [at for at, name in enumerate(names) if name == kind]
        curves[kind] = {
            name: _relative(seen, name)[:, lines].flatten(0, 1).nanmedian(0).values.tolist()
            for name in MEASURES
        }
    excess = {name: float(_relative(seen, name).nan_to_num(1).max()) - 1 for name in MEASURES}
    return {
        "records": len(seen.kl_out_in),
        "lines": len(names),
        "noise": options.noise[0],
        "steps": seen.steps.tolist(),
        "curves": curves,
        "most_above_the_record": excess,
        "peak_at_record": {
            name: float((_relative(seen, name).nan_to_num(1) <= 1 + 1e-9).all(2).double().mean())
            for name in MEASURES
        },
    }


def _relative(seen: Landscape, name: str) -> Tensor:
    """Return a measure over its value at the record; of the AUC, what is above ½."""
    values: Tensor = getattr(seen, name)
    return seen.relative(values - 0.5 if name == "auc" else values)
