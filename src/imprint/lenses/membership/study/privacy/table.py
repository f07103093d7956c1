"""The findings of a privacy audit as a table on the terminal."""

from __future__ import annotations

from typing import Any

from imprint.lenses.membership.privacy_findings import AuditedModel, PrivacyFindings
from imprint.stats.estimate import Estimate
from imprint.study.finding import Missing, from_json


def show_privacy(content: dict[str, Any]) -> None:
    """Print a row a model: accounted ε, the bound of the verdict, and accuracies."""
    from rich.box import SIMPLE
    from rich.table import Table

    from imprint.core.terminal import safe_console

    findings = from_json(PrivacyFindings, content, "summary.json")
    canaries, confidence = findings.canaries, 100 * findings.confidence
    fair = f" (fair coins: p = {canaries.coins_p_value:.2g})" if canaries.coins_p_value else ""
    title = (
        f"Privacy: ε at δ = {findings.delta:g} from above and, at {confidence:g} %, from below\n"
        f"{canaries.count} {canaries.kind} canaries, of which {canaries.members} members{fair}"
    )
    table = Table(title=title, title_justify="left", box=SIMPLE, pad_edge=False)
    table.add_column("", no_wrap=True)
    for name in ("accounted", "audited", "ceiling", "right", "learnt", "held out"):
        table.add_column(name, justify="right", no_wrap=True)
    for model in findings.runs:
        table.add_row(*_cells(model, findings.method))
    safe_console().print(table)


def _cells(model: AuditedModel, method: str) -> list[str]:
    bound, limit = model.bounds[method], model.accounted.epsilon
    return [
        model.name,
        "none" if limit is None else f"ε ≤ {limit:.2f}",
        f"ε ≥ {bound.proven:.2f}" if bound.refutes(0) else "nothing",
        f"{bound.ceiling:.2f}",
        f"{bound.correct} of {bound.guesses}",
        _percent(model.accuracy.canaries_in),
        _percent(model.accuracy.held_out),
    ]


def _percent(share: Estimate | Missing) -> str:
    return "–" if isinstance(share, Missing) else f"{100 * share.value:.1f} %"
