from dataclasses import replace

from imprint.lenses.coverage.cell_findings import CellRanks, RankedCells
from imprint.lenses.coverage.page.single_cells import NO_CLUSTERS, single_cells
from imprint.report.blocks import Details, Part, draw_blocks
from tests.lenses.coverage.made_findings import CELLS, FINDINGS

RANKS = CellRanks(RankedCells((1, 2), (5, 1)), RankedCells((1, 2, 3), (9, 4, 1)))


def test_findings_of_earlier_versions_show_no_cells() -> None:
    assert list(single_cells(FINDINGS, [])) == []


def test_the_second_criterion_is_folded_away_and_missing_activations_are_told() -> None:
    cells = replace(CELLS, ranks=RANKS)
    first, second = single_cells(replace(FINDINGS, cells={"wisdom": cells, "idc": cells}), [])
    assert isinstance(first, Part)
    assert isinstance(second, Details)
    assert second.summary == "Cells and clusters of WISDOM"
    assert NO_CLUSTERS in draw_blocks([first])
