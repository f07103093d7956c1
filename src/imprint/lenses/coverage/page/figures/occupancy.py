"""How many inputs lie in which cells: by rank, and a few cells one by one."""

from __future__ import annotations

from collections.abc import Sequence

from imprint.lenses.coverage.cell_findings import CellRanks, ListedCell, ListedCells
from imprint.report.figure import Axis, Lines, Series
from imprint.report.table import Cell, Column, Table, Value
from imprint.report.wording import count, plural

MAX_NEURONS = 12
"""Neurons whose clusters a row of the table spells out."""
GROUP = 5
"""Digits that stand together."""


def occupancy_lines(criterion: str, ranks: CellRanks) -> Lines:
    """Return how many inputs lie in the fullest cell, the second, … of tests and of training."""
    tests, training = ranks.tests, ranks.training
    alone = f"The fullest cell has {count(tests.inputs[0])} tests" if tests.inputs else "No tests"
    return Lines(
        name=f"coverage-{criterion}-occupancy",
        title="Are a few cells full and most nearly empty?",
        caption=f"Inputs in each cell of {criterion.upper()}, by its rank. A long tail of cells "
        "with one input says that further inputs reach new ones.",
        description=f"Curves on logarithmic axes: {alone} of "
        f"{plural(tests.ranks[-1] if tests.ranks else 0, 'cell')} that tests reach, "
        f"{plural(training.ranks[-1] if training.ranks else 0, 'cell')} in training.",
        x=Axis("rank of the cell", count, log=True),
        y=Axis("inputs in the cell", count, log=True),
        series=[
            Series("tests", tests.ranks, tests.inputs, colour="target"),
            Series(
                "training inputs",
                training.ranks,
                training.inputs,
                colour="reference",
                dash="dashed",
            ),
        ],
    )


def cell_list(listed: ListedCells, neurons: int, classes: Sequence[str] = ()) -> Table:
    """Return a few cells: the fullest ones, and those without a test or a training input.

    A digit of a cell is the cluster of one neuron.

    Args:
        listed: the cells.
        neurons: how many there are.
        classes: names of the classes.
    """
    groups = {
        "fullest": listed.fullest,
        "training only": listed.without_tests,
        "tests only": listed.without_training,
    }
    columns = [
        Column("Cells"),
        Column("Cluster of each neuron"),
        Column("Training inputs", count, key="training"),
        Column("Tests", count),
    ]
    rows: list[list[Value | Cell]] = [
        [
            Cell(group, text=group if row == 0 else "\N{NO-BREAK SPACE}"),
            _spelled(cell, classes),
            cell.training,
            cell.tests,
        ]
        for group, cells in groups.items()
        for row, cell in enumerate(cells)
    ]
    first = f"; of {count(neurons)} the first {MAX_NEURONS}" if neurons > MAX_NEURONS else ""
    note = (
        "A digit for each neuron, in order of rank" + first + ": its cluster, 0 the one of the "
        "lowest activations. coverage/cells.parquet of the study has all cells."
    )
    return Table(columns, rows, title="Cells one by one", note=note)


def _spelled(cell: ListedCell, classes: Sequence[str]) -> str:
    shown = cell.clusters[:MAX_NEURONS]
    if max(shown) > 9:
        digits = " ".join(map(str, shown))
    else:
        whole = "".join(map(str, shown))
        groups = [whole[start : start + GROUP] for start in range(0, len(whole), GROUP)]
        digits = "\N{NO-BREAK SPACE}".join(groups)
    digits += "…" if len(cell.clusters) > MAX_NEURONS else ""
    if cell.label is None:
        return digits
    name = classes[cell.label] if 0 <= cell.label < len(classes) else f"class {cell.label}"
    return f"{name}: {digits}"
