"""The findings of the déjà vu lens on the terminal."""

from __future__ import annotations

from imprint.lenses.dejavu.depth_findings import ProbedDepths
from imprint.lenses.dejavu.findings import OneModelFindings, SweepFindings, TwoModelFindings
from imprint.lenses.dejavu.page.depths import depths_table, depths_verdict
from imprint.lenses.dejavu.page.doubts import doubt_sentences
from imprint.lenses.dejavu.page.pooled import pooled_in, pooled_table
from imprint.lenses.dejavu.page.search import search_sentences
from imprint.lenses.dejavu.page.tables import (
    claims_sentences,
    one_model_summary,
    sweep_table,
    two_model_summary,
)
from imprint.lenses.dejavu.page.verdict import one_model_verdict, two_model_verdict
from imprint.lenses.dejavu.pooled_findings import PooledFindings
from imprint.report.terminal import TERMINAL, Printed
from imprint.study.finding import from_json
from imprint.study.plain import JsonObject

SEEDS_TITLE = "Déjà vu score by training seed, and pooled over seeds and images (95% interval)"


@TERMINAL.register("dejavu")
def show_dejavu(findings: JsonObject) -> list[Printed]:
    """Return the tables of a two-model or a one-model test, and the verdict."""
    if "one_model" in findings:
        return show_one_model(from_json(OneModelFindings, findings["one_model"], "summary.json"))
    pair = from_json(TwoModelFindings, findings, "summary.json")
    return show_two_model(pair, pooled_in(findings))


def show_two_model(
    findings: TwoModelFindings, pooled: PooledFindings | None = None
) -> list[Printed]:
    """Return table, controls and verdict of a two-model test; of several seeds, of all of them."""
    test = findings.two_model if pooled is None else pooled.test
    seeds = [] if pooled is None else [pooled_table(pooled, title=SEEDS_TITLE)]
    controls = (findings.controls or {}).items()
    return [
        two_model_summary(findings),
        *(f"control {name}: {'passed' if each.passed else 'FAILED'}" for name, each in controls),
        *seeds,
        *(doubt_sentences(findings.doubts) if findings.doubts else ()),
        *search_sentences(findings.search),
        two_model_verdict(test).heading,
    ]


def show_one_model(findings: OneModelFindings) -> list[Printed]:
    """Return table, claims and verdict of a one-model test."""
    return [
        one_model_summary(findings),
        *claims_sentences(findings),
        *(doubt_sentences(findings.doubts) if findings.doubts else ()),
        *search_sentences(findings.search),
        one_model_verdict(findings).heading,
    ]


@TERMINAL.register("dejavu_depths")
def show_depths(findings: JsonObject) -> list[Printed]:
    """Return the gaps of probe, neighbours and attack at every depth, and the verdict."""
    probed = from_json(ProbedDepths, findings, "summary.json")
    return [depths_table(probed), depths_verdict(probed).statement]


@TERMINAL.register("dejavu_sweep")
def show_sweep(findings: JsonObject) -> list[Printed]:
    """Return the score of every point of a sweep."""
    points = from_json(SweepFindings, findings, "summary.json").points
    searched = [point.search for point in points if point.search is not None]
    worst = min(searched, key=lambda search: search.lowest.value, default=None)
    return [sweep_table(points), *search_sentences(worst)]
