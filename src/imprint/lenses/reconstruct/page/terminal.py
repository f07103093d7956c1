"""What is printed at the end of an evaluation of samples."""

from __future__ import annotations

from imprint.lenses.reconstruct.findings import ReconstructFindings
from imprint.lenses.reconstruct.page.section import LENS
from imprint.lenses.reconstruct.page.tables import quality_table, recall_table
from imprint.lenses.reconstruct.page.verdict import recall_verdict
from imprint.report.terminal import TERMINAL, Printed
from imprint.study.finding import from_json
from imprint.study.plain import JsonObject


@TERMINAL.register(LENS)
def show_samples(content: JsonObject) -> list[Printed]:
    """Return recall, quality and the verdict."""
    findings = from_json(ReconstructFindings, content, "summary.json")
    recall = "What samples have in common with their originals (95% interval)"
    leak = "Leak test: the same on images that neither encoder was trained on"
    quality = f"Quality of samples, on features of {findings.features}"
    return [
        recall_table(findings.originals, title=recall),
        *([] if findings.leak is None else [recall_table(findings.leak, title=leak)]),
        quality_table(findings, title=quality),
        recall_verdict(findings).heading,
    ]
