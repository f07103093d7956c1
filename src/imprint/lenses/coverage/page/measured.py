"""Measured coverage on the page: what tests exercise and miss, and whether more would help."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from imprint.core.missing import Missing
from imprint.lenses.coverage.findings import (
    CoverageFindings,
    Neuron,
    NeuronCells,
    ScopesFinding,
)
from imprint.lenses.coverage.page.figures.cells import ceiling_bars, main_cells, rarefaction_lines
from imprint.lenses.coverage.page.figures.scores import scope_scores
from imprint.lenses.coverage.page.single_cells import single_cells
from imprint.lenses.coverage.page.tables import (
    BY_PREDICTION,
    MEAN_OVER_TEST_SETS,
    SCOPES,
    by_reason,
    criteria_tables,
    gap_table,
    in_page_order,
    scope_names,
    scope_table,
    without_interval,
)
from imprint.report.blocks import (
    Block,
    Bullets,
    Details,
    Figures,
    Paragraph,
    Part,
    Verdict,
    conclusions,
)
from imprint.report.gallery import read_gallery
from imprint.report.prose import Text, prose
from imprint.report.wording import count, percent, plural, superscript

MAX_DIGITS = 15
"""Longer counts are written by their power of ten."""
GAP_NOTE = (
    "Ranges of important neurons that training images reach and no test does, the fullest first, "
    "with training images in them. The line is the neuron's range in training: "
    '<span class="key reach"></span> reached by tests, <span class="key gap"></span> the gap. To '
    "test there, use images like these."
)


def coverage_blocks(
    findings: CoverageFindings, root: Path, classes: Sequence[str]
) -> Iterator[Block]:
    """Yield what tests exercise, what they leave out, and whether more would help."""
    cells = main_cells(findings)
    yield _verdict(findings, cells)
    bars = ceiling_bars(findings)
    figures = [rarefaction_lines(cells)] if cells else []
    if figures or bars:
        yield Figures([*figures, *([bars] if bars else [])])
    yield from _gaps(findings, root)
    yield _criteria(findings)
    for part, scopes in (findings.scopes or {}).items():
        yield Part(f"By {SCOPES.get(part, part).lower()}", _scopes(part, scopes, classes))
    yield from single_cells(findings, classes)
    yield _conclusions(cells)
    chosen = [Paragraph(line) for line in _chosen_neurons(findings)]
    if chosen:
        yield Details("The observed neurons", chosen)


def headline(findings: CoverageFindings, cells: NeuronCells | None) -> str:
    """Return the main finding as one sentence without its full stop."""
    if cells is None:
        return f"{plural(len(findings.measured), 'criterion', 'criteria')} measured"
    return (
        f"The tests reach {percent(cells.training_share, 0)} of the patterns of important neurons "
        f"that training inputs show: {count(cells.training_cells_reached)} of "
        f"{count(cells.training_cells)}"
    )


def _verdict(findings: CoverageFindings, cells: NeuronCells | None) -> Verdict:
    compared = (
        f" are compared with {plural(findings.train, 'training input')}" if findings.train else ""
    )
    observed = (
        f"Which behaviours of a network do the tests exercise? {plural(findings.test, 'test')}"
        f"{compared}, in {plural(findings.neurons, 'neuron')} of "
        f"{plural(len(findings.layers), 'layer')}."
    )
    paragraphs: list[Text] = [observed]
    if findings.network is not None:
        paragraphs = [
            prose(
                "{} The network is a classifier of this study (<b>{}</b>), the tests are images "
                "that it was not trained on.",
                observed,
                findings.network,
            )
        ]
    if cells is not None:
        new = cells.reached - cells.training_cells_reached
        paragraphs.append(
            prose(
                "The activations of the {} most important neurons fall into clusters, and the "
                "clusters of all of them together define a <em>cell</em>: one pattern of "
                "behaviour. Training inputs show {}; the tests reach {} of these, and {} that no "
                "training input shows. The next test of this kind would reach a new one with a "
                "probability of {}.",
                len(cells.neurons),
                plural(cells.training_cells, "cell"),
                count(cells.training_cells_reached),
                count(new),
                percent(cells.rarefaction.next_is_new),
            )
        )
    if findings.layers_left_out:
        paragraphs.append(
            f"{plural(findings.layers_left_out, 'more layer')} of the network "
            f"{'is' if findings.layers_left_out == 1 else 'are'} not observed, as the activations "
            "of all of them would be too large to keep."
        )
    return Verdict(
        headline(findings, cells),
        paragraphs,
        found=cells is not None,
        anchor="coverage-result",
        link="Coverage",
    )


def _gaps(findings: CoverageFindings, root: Path) -> Iterator[Block]:
    """Yield the gallery of ranges that no test reaches, or a sentence where there are none."""
    if findings.gaps == ():
        yield Paragraph(
            prose(
                "<b>No important neuron has a range that tests leave out.</b> Every tenth of its "
                "range in training that a training input reaches, some test reaches too."
            ),
            "remark",
        )
    folder = root / "gallery" / "coverage"
    gallery = read_gallery(folder, "gap", "Filter the gaps", size="medium", note=prose(GAP_NOTE))
    if gallery is not None and gallery.cards:
        yield Part("Ranges that no test reaches", [gallery], "coverage-gaps")
    elif findings.gaps and gallery is None:
        yield Part("Ranges that no test reaches", [gap_table(findings.gaps)], "coverage-gaps")


def _criteria(findings: CoverageFindings) -> Part:
    reasons = [
        f"{names.upper()} {have} none: {reason}."
        for names, have, reason in by_reason(without_interval(findings))
    ]
    by_prediction = [f"{BY_PREDICTION}."] if findings.by_prediction else []
    blocks: list[Block] = [
        *criteria_tables(findings),
        Paragraph(" ".join([MEAN_OVER_TEST_SETS, *reasons, *by_prediction])),
    ]
    missing = [
        prose("<b>{}</b> is missing: {}.", name.upper(), findings.missing[name])
        for name in in_page_order(findings.missing)
    ]
    if missing:
        blocks.append(Bullets(missing))
    return Part("All criteria", blocks, "coverage-criteria", "Criteria")


def _scopes(part: str, scopes: ScopesFinding | Missing, classes: Sequence[str]) -> list[Block]:
    if isinstance(scopes, Missing):
        return [Paragraph(f"Missing: {scopes.missing}.")]
    names = scope_names(part, scopes, classes)
    return [Figures([scope_scores(part, scopes, names)]), scope_table(part, scopes, classes)]


def _conclusions(cells: NeuronCells | None) -> Part:
    total = f" {all_cells(cells.cells)}" if cells else ""
    return conclusions(
        [
            "Which behaviours that training brought about no test exercises, and inputs that "
            "would.",
            "Whether more tests of the same kind would help, or tests of another kind are needed.",
        ],
        [
            "Coverage measures how different the behaviours are, not whether they are right. "
            "Evidence that more of it finds more faults is mixed.",
            "Most criteria rise with every test: compare sets of one size, or shares of the "
            "ceiling.",
            "Many cells cannot be reached at all. The share of those seen in training is more "
            f"informative than that of all{total}.",
        ],
    )


def all_cells(digits: str) -> str:
    """Return how many cells there are, of whatever size.

    >>> all_cells("1024"), all_cells("1" + "0" * 400)
    ('1,024', 'about 10⁴⁰⁰')
    """
    if len(digits) <= MAX_DIGITS:
        return count(int(digits))
    return f"about 10{superscript(len(digits) - 1)}"


def _chosen_neurons(findings: CoverageFindings) -> Iterator[str]:
    """Yield the neurons of each criterion of cells, and what chose them, as a sentence."""
    for name, cells in findings.cells.items():
        if isinstance(cells, NeuronCells):
            source = f", chosen by {cells.source}" if cells.source else ""
            yield f"{name.upper()}{source}, in order of rank: {_listed(cells.neurons)}."


def _listed(neurons: Sequence[Neuron]) -> str:
    return ", ".join(f"{neuron.layer} #{neuron.neuron}" for neuron in neurons)
