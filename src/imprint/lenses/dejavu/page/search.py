"""An approximate search of neighbours in words, for page and terminal."""

from __future__ import annotations

from imprint.lenses.dejavu.search_findings import LOW_RECALL, SearchFindings
from imprint.report.blocks import Block, Paragraph
from imprint.report.wording import percent


def search_sentences(search: SearchFindings | None) -> list[str]:
    """Return how complete the neighbours are; nothing of an exact search."""
    if search is None:
        return []
    recalls = [
        f"{percent(each.value)} [{percent(each.low)}, {percent(each.high)}] under "
        + ("the model" if len(search.recall) == 1 else f"model {name}")
        for name, each in search.recall.items()
    ]
    count = next(iter(search.recall.values())).n
    sentence = (
        f"Neighbours were searched approximately: of the {search.k} nearest public images, "
        f"{', '.join(recalls)} were found (recall, of {count} crops that were searched exactly as "
        "well, with its 95% interval)."
    )
    lowest = search.lowest
    if lowest.value >= LOW_RECALL:
        return [sentence]
    return [
        sentence,
        f"A recall of {percent(lowest.value)} is low: the exact search may give other guesses and "
        "another score. Give a higher --ivfpq.nprobe, or --search exact.",
    ]


def search_part(search: SearchFindings | None) -> list[Block]:
    """Return these sentences as paragraphs of the page."""
    return [Paragraph(each, "remark") for each in search_sentences(search)]
