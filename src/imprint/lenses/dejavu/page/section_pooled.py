"""The section of two-model tests pooled from several studies."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imprint.lenses.dejavu.page.pooled import pooled_part, pooled_table
from imprint.lenses.dejavu.page.section import ASKED, POOLED_RECORDS, score_headline, sentence
from imprint.lenses.dejavu.page.verdict import images_of, percents_of, two_model_verdict
from imprint.lenses.dejavu.pooled_findings import PooledFindings
from imprint.report.blocks import Block, Headlines, Verdict
from imprint.report.section import SECTIONS, Section
from imprint.report.summary_file import mapping
from imprint.report.terminal import TERMINAL, Printed
from imprint.study.finding import from_json
from imprint.study.plain import JsonObject

LENS = "dejavu_pooled"


@SECTIONS.register(LENS)
def build(root: Path, summary: Mapping[str, Any]) -> Section | None:
    """Return the section, or None when the study pooled nothing.

    Raises:
        ImprintError: a finding or table that it needs is missing or damaged.
    """
    if LENS not in mapping(summary, "lenses"):
        return None
    pooled = from_json(PooledFindings, mapping(summary, "lenses", LENS), "summary.json")
    test = pooled.test
    verdict = two_model_verdict(test)
    content: list[Block] = [
        Verdict(verdict.heading, [ASKED], found=verdict.kind == "found"),
        Headlines([score_headline(images_of(p), test[p].score, sentence(p, test[p].score))
                   for p in percents_of(test)]),
        pooled_part(pooled, root / POOLED_RECORDS),
    ]  # fmt: skip
    return Section("dejavu-pooled", "Déjà vu, pooled", content, order=11)


@TERMINAL.register(LENS)
def show_pooled(findings: JsonObject) -> list[Printed]:
    """Return the score of every study and of all together, and the verdict."""
    pooled = from_json(PooledFindings, findings, "summary.json")
    title = "Déjà vu score by study, and pooled over studies and images (95% interval)"
    return [pooled_table(pooled, title=title), two_model_verdict(pooled.test).heading]
