"""What ``lenses.membership`` of a summary says, in the order of what matters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imprint.core.errors import ImprintError
from imprint.report.inputs import as_estimate, estimate, mapping


def resolved_fprs(attacks: Mapping[str, Any]) -> list[str]:
    """Return the false positive rates that every attack could be measured at, falling."""
    named = [mapping(attacks, name, "tpr_at_fpr") for name in attacks]
    rates = [rate for rate in named[0] if all(as_estimate(at.get(rate)) for at in named)]
    return sorted(rates, key=float, reverse=True)


def by_auc(attacks: Mapping[str, Any]) -> list[str]:
    """Return the names of the attacks, the greatest AUC first."""
    return sorted(attacks, key=lambda name: (-estimate(attacks, name, "auc").value, name))


def best_first(attacks: Mapping[str, Any]) -> list[str]:
    """Return the best attack, then the others by AUC: what the page speaks of is always shown."""
    best, _ = best_attack(attacks)
    return sorted(by_auc(attacks), key=lambda name: name != best)


def best_attack(attacks: Mapping[str, Any]) -> tuple[str, str | None]:
    """Return the best attack, and the least false positive rate that could be measured.

    The best has the greatest TPR there, of equals the greatest AUC; it was chosen after the fact,
    so its numbers are a little optimistic.

    Raises:
        ImprintError: there is no attack.
    """
    if not attacks:
        raise ImprintError("summary.json: no membership attack was run: run one first")
    rates = resolved_fprs(attacks)
    least = rates[-1] if rates else None

    def strength(name: str) -> tuple[float, float]:
        tpr = 0.0 if least is None else estimate(attacks, name, "tpr_at_fpr", least).value
        return tpr, estimate(attacks, name, "auc").value

    return max(by_auc(attacks), key=strength), least
