from imprint.lenses.coverage.cell_findings import CellRanks, ListedCell, ListedCells, RankedCells
from imprint.lenses.coverage.page.figures.occupancy import cell_list, occupancy_lines


def test_inputs_are_drawn_by_rank() -> None:
    ranks = CellRanks(RankedCells((1, 2), (5, 1)), RankedCells((1, 2, 3), (9, 4, 1)))
    figure = occupancy_lines("idc", ranks)
    tests, training = figure.series
    assert (list(tests.x), list(tests.y)) == ([1, 2], [5, 1])
    assert (list(training.x), list(training.y)) == ([1, 2, 3], [9, 4, 1])
    assert "5 tests of 2 cells that tests reach, 3 cells in training" in figure.description
    assert "<svg" in figure.svg()
    alone = CellRanks(RankedCells((1,), (5,)), RankedCells((1,), (5,)))
    assert "<svg" in occupancy_lines("idc", alone).svg()


def test_a_row_spells_the_cluster_of_every_neuron() -> None:
    listed = ListedCells(
        (ListedCell((0, 1, 0, 1, 1, 2), 9, 4), ListedCell((1,) * 6, 2, 1)),
        (ListedCell((10, 0, 0, 0, 0, 0), 3, 0),),
        (ListedCell((0,) * 14, 0, 1, label=1),),
    )
    table = cell_list(listed, 6, ["ant", "bee"])
    values = [[str(getattr(value, "value", value)) for value in row] for row in table.rows]
    assert [row[0] for row in values] == ["fullest", "fullest", "training only", "tests only"]
    assert [row[1] for row in values] == [
        "01011\N{NO-BREAK SPACE}2",
        "11111\N{NO-BREAK SPACE}1",
        "10 0 0 0 0 0",
        "bee: 00000\N{NO-BREAK SPACE}00000\N{NO-BREAK SPACE}00…",
    ]
    assert [row[2:] for row in values] == [["9", "4"], ["2", "1"], ["3", "0"], ["0", "1"]]
    assert "of 14 the first 12" in str(cell_list(listed, 14).note)
