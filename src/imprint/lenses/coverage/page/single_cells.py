"""The cells of IDC and WISDOM one by one, and the clusters of their neurons, on the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from imprint.lenses.coverage.findings import CoverageFindings, NeuronCells
from imprint.lenses.coverage.page.figures.clusters import activation_panels, silhouette_panels
from imprint.lenses.coverage.page.figures.occupancy import cell_list, occupancy_lines
from imprint.lenses.coverage.page.figures.scores import chosen_scores
from imprint.report.blocks import Block, Details, Figures, Paragraph, Part
from imprint.report.figure import Figure
from imprint.report.wording import count

TITLE = "Cells and clusters of important neurons"
NO_CLUSTERS = (
    "The activations of the neurons are not drawn: the training inputs are not at hand, or each "
    "class has clusters of its own."
)


def single_cells(findings: CoverageFindings, classes: Sequence[str]) -> Iterator[Block]:
    """Yield the cells of the first criterion that has some, and those of the second folded away.

    Nothing of findings that hold no cells, as those of earlier versions.
    """
    parts = {
        name: cells
        for name in ("idc", "wisdom")
        if isinstance(cells := findings.cells.get(name), NeuronCells) and cells.ranks is not None
    }
    for row, (name, cells) in enumerate(parts.items()):
        blocks = list(cell_blocks(name, cells, classes))
        if row == 0:
            yield Part(TITLE, blocks, "coverage-cells-one-by-one", "Cells")
        else:
            yield Details(f"Cells and clusters of {name.upper()}", blocks)


def cell_blocks(name: str, cells: NeuronCells, classes: Sequence[str]) -> Iterator[Block]:
    """Yield figures and the list of cells of one criterion."""
    yield Figures(list(cell_figures(name, cells)))
    if cells.clusters is None:
        yield Paragraph(NO_CLUSTERS)
    elif len(cells.clusters) < len(cells.neurons):
        drawn, total = count(len(cells.clusters)), count(len(cells.neurons))
        yield Paragraph(
            f"The first {drawn} of {total} neurons are drawn; coverage/activations.parquet and "
            "coverage/clusters.parquet of the study have all of them."
        )
    if cells.listed is not None:
        yield cell_list(cells.listed, len(cells.neurons), classes)


def cell_figures(name: str, cells: NeuronCells) -> Iterator[Figure]:
    """Yield activations and silhouettes of the neurons, inputs by cell, and scores of neurons."""
    if cells.clusters:
        yield activation_panels(name, cells.clusters)
    if cells.ranks is not None:
        yield occupancy_lines(name, cells.ranks)
    if cells.clusters:
        silhouettes = silhouette_panels(name, cells.clusters)
        if silhouettes is not None:
            yield silhouettes
    scores = chosen_scores(name, cells)
    if scores is not None:
        yield scores
