"""What stands behind coverage: cells and how many more tests would reach, gaps of neurons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from imprint.lenses.coverage.clusters.cell_criterion import CellCriterion
from imprint.lenses.coverage.clusters.gaps import Gap, find_gaps
from imprint.lenses.coverage.measure.measure import Finding
from imprint.lenses.coverage.measure.rarefaction import (
    Occupancy,
    estimated_cells,
    expected_cells,
    extrapolated_cells,
    more_inputs,
    new_cell_chance,
)
from imprint.neurons.activations import ActivationTable, Layers

CELLS = ("idc", "wisdom")
POINTS = 40
AHEAD = 3
"""The curve goes on to so many times the inputs there are."""
MOST = 0.9
MOST_GAPS = 12
EXAMPLES = 4


def cell_findings(found: Mapping[str, Finding], layers: Layers) -> dict[str, Any]:
    """Return, of each criterion of cells, its neurons and what more or fewer tests would reach."""
    told = {}
    for name in CELLS:
        criterion = found[name].criterion if name in found else None
        if isinstance(criterion, CellCriterion):
            told[name] = {
                "neurons": named(criterion.neurons.tolist(), layers),
                **criterion.coverage().to_dict(),
                "rarefaction": rarefaction(criterion),
            }
    return told


def rarefaction(criterion: CellCriterion) -> dict[str, Any]:
    """Return cells by number of tests, and how many more tests would reach most of them.

    ``curve`` goes beyond the tests there are by an estimate, from ``tests`` on.
    """
    _, counts = criterion.reached
    occupancy = Occupancy.of(counts.cpu().numpy(), criterion.total)
    inputs = occupancy.inputs
    fewer = np.unique(np.linspace(1, inputs, POINTS).round().astype(int))
    more = np.unique(np.linspace(inputs, AHEAD * inputs, POINTS).round().astype(int))[1:]
    cells = [
        *expected_cells(occupancy, fewer.tolist()),
        *extrapolated_cells(occupancy, more - inputs),
    ]
    return {
        "tests": inputs,
        "reached": occupancy.reached,
        "estimated": estimated_cells(occupancy).to_dict(),
        "next_is_new": new_cell_chance(occupancy),
        "share": MOST,
        "more": more_inputs(occupancy, MOST),
        "curve": {
            "tests": [*fewer.tolist(), *more.tolist()],
            "cells": [float(value) for value in cells],
        },
    }


def gap_findings(
    neurons: list[int], train: ActivationTable, test: ActivationTable
) -> list[dict[str, Any]]:
    """Return the largest gaps of some neurons, with training images that lie in them.

    Args:
        neurons: numbered among all, the most important first.
        train: activations of training images, which have an index.
        test: of test images.
    """
    chosen = np.array(neurons, dtype=np.int64)
    seen, tested = train.columns(chosen), test.columns(chosen)
    gaps = find_gaps(seen, tested)[:MOST_GAPS]
    names = named(neurons, train.layers)
    return [_gap(gap, names[gap.neuron], seen, tested, train) for gap in gaps]


def named(neurons: list[int], layers: Layers) -> list[dict[str, Any]]:
    """Return layer, and number within it, of neurons numbered among all."""
    starts = np.cumsum((0, *layers.widths))
    rows = np.searchsorted(starts, neurons, side="right") - 1
    return [
        {"layer": layers.names[row], "neuron": int(neuron - starts[row])}
        for row, neuron in zip(rows, neurons, strict=True)
    ]


def _gap(
    gap: Gap,
    name: dict[str, Any],
    seen: np.ndarray[Any, Any],
    tested: np.ndarray[Any, Any],
    train: ActivationTable,
) -> dict[str, Any]:
    one, other = seen[:, gap.neuron], tested[:, gap.neuron]
    rows = gap.rows[:EXAMPLES]
    index = rows if train.index is None else train.index[rows]
    return {
        **name,
        "low": gap.low,
        "high": gap.high,
        "training": [float(one.min()), float(one.max())],
        "tests": [float(other.min()), float(other.max())],
        "images": len(gap.rows),
        "share": len(gap.rows) / len(seen),
        "examples": [
            {"index": int(place), "value": float(one[row])}
            for place, row in zip(index, rows, strict=True)
        ],
    }
