"""Which parts of an audit fit a budget of time, measured on the machine it runs on."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from imprint.core.errors import ImprintError
from imprint.observation.audited_model import AuditedModel
from imprint.observation.lens import Pace, Part

TIMED_RECORDS = 128
UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class PlannedPart:
    """One part of the plan.

    Attributes:
        lens: title of its lens.
        part: the part.
        runs: whether it is run.
    """

    lens: str
    part: Part
    runs: bool


def parse_duration(text: str) -> float:
    """Return seconds.

    Raises:
        ImprintError: not a number with a unit s, m or h, or not positive.

    >>> parse_duration("10m"), parse_duration("1.5h"), parse_duration("45")
    (600.0, 5400.0, 45.0)
    """
    match = re.fullmatch(r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*([smh]?)\s*", text)
    seconds = float(match[1]) * UNITS[match[2] or "s"] if match else 0.0
    if not seconds:
        raise ImprintError(f"--budget must be a time such as 90s, 10m or 2h, got {text!r}")
    return seconds


def choose_parts(
    plans: Mapping[str, Sequence[Part]], titles: Mapping[str, str], seconds: float
) -> list[PlannedPart]:
    """Return every part of every lens, and whether it fits.

    What is essential is run whatever it costs. Each lens may spend an equal share of the rest on
    its optional parts, the most valuable first; what is left over then goes to any that still fit,
    or that replace a smaller one of their group.

    Args:
        plans: parts by lens, the most valuable of each first.
        titles: of the lenses.
        seconds: the budget.
    """
    chosen = {lens: [part for part in parts if part.essential] for lens, parts in plans.items()}
    left = max(0.0, seconds - sum(part.seconds for parts in chosen.values() for part in parts))
    share = left / max(len(plans), 1)
    for lens, parts in plans.items():
        left -= _spend(parts, chosen[lens], share)
    for lens, parts in plans.items():
        left -= _spend(parts, chosen[lens], left)
    return [
        PlannedPart(titles[lens], part, part in chosen[lens])
        for lens, parts in plans.items()
        for part in parts
    ]


def _spend(parts: Sequence[Part], chosen: list[Part], seconds: float) -> float:
    """Add to the chosen parts what fits; return what it costs."""
    spent = 0.0
    for part in parts:
        if part in chosen or part.missing:
            continue
        rival = next((each for each in chosen if part.group and each.group == part.group), None)
        cost = part.seconds - (rival.seconds if rival else 0.0)
        is_better = rival is None or (not rival.essential and part.size > rival.size)
        if is_better and spent + cost <= seconds:
            if rival is not None:
                chosen.remove(rival)
            chosen.append(part)
            spent += cost
    return spent


def measure_pace(model: AuditedModel) -> Pace:
    """Return how fast the model is, from a few batches of members.

    The first batch warms up; of three more the fastest counts.
    """
    rows = np.arange(min(TIMED_RECORDS, len(model.members)))
    forward = _seconds(lambda: model.predict(model.members, rows)) / len(rows)
    network = model.network
    if network is None or model.members.targets is None:
        return Pace(forward)
    inputs = model.members.inputs.read(rows)

    def pass_back() -> None:
        outputs = network.to_outputs(network.module(network.to_inputs(inputs)))
        parameters = [each for each in network.module.parameters() if each.requires_grad]
        if parameters and outputs.requires_grad:
            import torch

            torch.autograd.grad(outputs.square().sum(), parameters, allow_unused=True)

    return Pace(forward, _seconds(pass_back) / len(rows))


def _seconds(call: Callable[[], object], repeats: int = 3) -> float:
    call()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)
