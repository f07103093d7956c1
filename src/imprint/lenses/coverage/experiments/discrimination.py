"""What criteria tell apart, by an earlier study of sensitivity of the same network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.experiments.cost_findings import Discrimination
from imprint.lenses.coverage.experiments.sensitivity_findings import SensitivityFindings
from imprint.report.summary_file import mapping, read_summary
from imprint.study.finding import from_json


@dataclass(frozen=True)
class ToldApart:
    """What criteria tell apart, and the SHA-256 of the network."""

    network: str
    found: Discrimination


def read_discrimination(folder: Path) -> ToldApart:
    """Return what a study of sensitivity found.

    Raises:
        ImprintError: the folder holds no such study.
    """
    summary = read_summary(folder)
    lens = mapping(summary, "lenses").get("coverage")
    if not isinstance(lens, dict) or "sensitivity" not in lens:
        raise ImprintError(
            f"--sensitivity {folder} holds no findings of coverage sensitivity: run that command "
            "on the same network, and give its --out"
        )
    found = from_json(SensitivityFindings, lens, str(folder / "summary.json")).sensitivity
    shares = {name: each.share_of_both for name, each in found.measured.items()}
    known = {name: share for name, share in shares.items() if share is not None}
    fingerprint = str(mapping(summary, "model").get("fingerprint"))
    found_there = Discrimination(found.tests, found.pixels, found.draws, known)
    return ToldApart(fingerprint, found_there)


def check_same_network(folder: Path, theirs: str, ours: str) -> None:
    """Refuse a study of another network.

    Raises:
        ImprintError: the fingerprints differ.
    """
    if theirs != ours:
        raise ImprintError(
            f"--sensitivity {folder} is of another network: run coverage sensitivity on the one "
            "of --model"
        )
