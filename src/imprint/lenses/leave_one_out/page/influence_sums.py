"""Influence summed over queries: a table of records, and a heat map of classes."""

from __future__ import annotations

import numpy as np

from imprint.core.missing import Missing
from imprint.lenses.leave_one_out.column_meanings import CONVENTION
from imprint.lenses.leave_one_out.influence_sum_findings import InfluenceSums, SummedInfluence
from imprint.report.blocks import Block, Figures, Paragraph, Part
from imprint.report.figure import Figure, Matrix
from imprint.report.table import Cell, Column, Table, Value
from imprint.report.wording import count, plural, significant, with_interval
from imprint.stats.estimate import Estimate


def sum_part(sums: InfluenceSums, anchor: str) -> Part:
    """Return the part of the page on sums of influence."""
    blocks: list[Block] = [
        Paragraph(f"{sum_statement(sums)} {_caveat(sums)}"),
        sum_table(sums),
        Figures([class_figure(sums)]),
        Paragraph(CONVENTION, "remark"),
    ]
    return Part("Influence summed over queries", blocks, anchor)


def sum_statement(sums: InfluenceSums) -> str:
    """Return who raises the right outputs, with intervals over queries."""
    same, others = sums.same, sums.others
    if isinstance(same, Missing) or isinstance(others, Missing):
        return "A single query: its sums have no interval."
    return (
        f"On the output of a query's class, the influences of the records of that class sum to "
        f"{with_interval(same, significant)}, {_direction(same)}, and those of all other records "
        f"to {with_interval(others, significant)}, {_direction(others)} (means over queries)."
    )


def _direction(sums: Estimate) -> str:
    if sums.low > 0:
        return "so they raise it"
    return "so they lower it" if sums.high < 0 else "with no clear direction"


def _caveat(sums: InfluenceSums) -> str:
    own = "" if sums.own_pairs else " What a record does to its own prediction is left out."
    return f"Records were left out one at a time; a group left out together does not add up.{own}"


def sum_table(sums: InfluenceSums) -> Table:
    """Return the records that raise and lower the right outputs most, over all queries."""
    columns = [Column("Record", count), Column("Class"), Column("Sum of influence", significant)]
    rows: list[list[Value | Cell]] = [
        [each.index, each.label, each.influence] for each in (*sums.raising, *_rising(sums))
    ]
    title = "Influence summed over queries (above 0: raises the right output)"
    return Table(columns, rows, title=title)


def _rising(sums: InfluenceSums) -> tuple[SummedInfluence, ...]:
    """Return records that lower outputs, the strongest last, without those that stand above."""
    return sums.lowering[::-1]


def class_figure(sums: InfluenceSums) -> Figure:
    """Return the classes of queries and of records, a signed heat map."""
    shown, rest = len(sums.classes), sums.all_classes - len(sums.classes)
    left = f" The {shown} classes with the most queries; {rest} more are in the table." * (rest > 0)
    values = np.array(sums.matrix)
    row, column = np.unravel_index(np.abs(values).argmax(), values.shape)
    return Matrix(
        name="influence-classes",
        title="Influence between classes",
        caption="Rows: class of the query; columns: class of the records. Sum over the records, "
        f"mean over {plural(sum(sums.queries), 'query', 'queries')}, of the signed influence on "
        f"the output of the query's class.{left}",
        description=f"Heat map of {shown} × {shown} classes; the strongest entry is records of "
        f"{sums.classes[column]} on queries of {sums.classes[row]}, "
        f"{significant(float(values[row, column]))}.",
        names=sums.classes,
        values=values,
        write=_short,
        signed=True,
    )


def _short(value: float) -> str:
    """Return two decimals with a sign; a number that rounds to 0 has none."""
    if abs(value) < 0.005:
        return "0"
    return (f"{value:+.2f}" if abs(value) < 9.995 else f"{value:+.0f}").replace("-", "−")
