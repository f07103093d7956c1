"""The membership section: how well attacks separate members, on what evidence, who is exposed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imprint.core.arrays import BoolArray, FloatArray
from imprint.lenses.membership.attack_kit.tail_test import TailTest
from imprint.lenses.membership.cohort.exposure import exposure
from imprint.lenses.membership.findings import (
    MembershipFindings,
    Triage,
    best_attack,
    names_best_first,
    resolved_fprs,
)
from imprint.lenses.membership.page.figures import membership_figures, read_scores
from imprint.lenses.membership.page.slices import slice_part
from imprint.lenses.membership.page.tables import (
    attack_headlines,
    attack_table,
    control_results,
    note_bullets,
    skipped_details,
    warn_of_controls,
)
from imprint.lenses.membership.page.verdict import AttackVerdict, network_verdict
from imprint.report.blocks import (
    Block,
    Controls,
    Figures,
    Headlines,
    Paragraph,
    Part,
    Verdict,
    conclusions,
)
from imprint.report.gallery import read_gallery
from imprint.report.prose import Text, number, prose, sentences
from imprint.report.section import SECTIONS, Section
from imprint.report.summary_file import is_number
from imprint.report.table import Cell, Column, Table
from imprint.report.wording import count, decimal, fixed, nats, percent, plural
from imprint.study.finding import from_json
from imprint.study.tables import Table as Columns

MAX_EXPOSED_ROWS = 20


@SECTIONS.register("membership")
def build(root: Path, summary: Mapping[str, Any]) -> Section | None:
    """Return the section of attacks on one network, or None when the study has none.

    Raises:
        ImprintError: a finding, table or picture it needs is missing or damaged.
    """
    content = summary["lenses"].get("membership", {})
    if "attacks" not in content or "cohort" in content:
        return None
    findings = from_json(MembershipFindings, content, "summary.json")
    attacks, best = findings.attacks, best_attack(findings.attacks)
    records, scores = read_scores(root / "membership", names_best_first(attacks))
    verdict = network_verdict(findings)
    results = control_results(findings.all_attacks)
    note = "Where there is nothing to find, every attack must be at chance. A control fails beyond "
    blocks: list[Block] = [
        Verdict(
            verdict.heading,
            [describe_data(summary["data"], len(attacks), verdict)],
            [
                *(prose("<b>Warning:</b> {}.", sentence) for sentence in findings.warnings),
                *warn_of_controls([result.name for result in results if not result.passed]),
            ],
            found=verdict.kind == "found",
            anchor="membership-result",
            link="Membership",
        ),
        Headlines(attack_headlines(attacks, verdict.about, verdict.rate or best[1])),
        *_first_look(findings),
        Figures(membership_figures(scores, records["member"])),
        Part("Every attack", _attacks(findings), "membership-attacks", "Attacks"),
        *slice_part(findings.slices),
        _conclusions(len(attacks)),
    ]
    if results:
        part: list[Block] = [Paragraph(f"{note}99.9%."), Controls(results)]
        blocks.append(Part("Controls", part, "membership-controls", "Membership controls"))
    exposed = _exposed(root, findings, verdict, records, scores)
    title = "The most exposed training images"
    blocks.append(Part(title, exposed, "membership-exposed", "Most exposed"))
    return Section("membership", "Membership", blocks, order=20)


def describe_data(data: Mapping[str, Any], attacks: int, verdict: AttackVerdict) -> Text:
    """Return what was attacked, with what, and which attack the numbers are of."""
    sizes = {
        key: data[key] if is_number(data.get(key)) else 0
        for key in ("members", "non_members", "population", "references")
    }
    records = "the records"
    if sizes["members"]:
        records = f"{count(sizes['members'])} members and {count(sizes['non_members'])} non-members"
    references = population = ""
    if sizes["references"]:
        references = f" with {plural(sizes['references'], 'reference model')}"
    if sizes["population"]:
        population = (
            f"; another {count(sizes['population'])} non-members, disjoint from those, are the "
            "population that records are compared with"
        )
    return prose(
        "Can membership of a single record in the training data be inferred? {} scored {}{}{}. "
        "The numbers below are those of <b>{}</b>, the attack in the heading.",
        plural(attacks, "attack"),
        records,
        references,
        population,
        verdict.about,
    )


def _first_look(findings: MembershipFindings) -> list[Block]:
    """Return what one forward pass shows, and how the shadow models fit."""
    blocks: list[Block] = []
    if findings.triage is not None:
        blocks.append(Paragraph(_triage(findings.triage), "remark"))
        if findings.triage.loss_tail is not None:
            blocks.append(Paragraph(_tail_test(findings.triage.loss_tail), "remark"))
    if findings.shadows is not None:
        accuracy = findings.shadows.accuracy
        text = prose(
            "The shadow models classify {} of their own training images correctly and {} of the "
            "others. They represent the network only as far as these numbers match its own.",
            number(accuracy.members, percent),
            number(accuracy.non_members, percent),
        )
        blocks.append(Paragraph(text, "remark"))
    return blocks


def _triage(first: Triage) -> Text:
    return prose(
        "<b>Triage:</b> the network classifies {} of its members correctly and {} of the "
        "non-members; its mean loss on members is {} by {} nats. The calibration slope of its "
        "logit margins is {} on members and {} on non-members (confidence learnt from these "
        "images shows as a larger slope on members). {}",
        number(first.accuracy.members, percent),
        number(first.accuracy.non_members, percent),
        "lower" if first.loss_gap >= 0 else "higher",
        number(abs(first.loss_gap), nats),
        number(first.calibration_slope.members, fixed(2)),
        number(first.calibration_slope.non_members, fixed(2)),
        first.verdict,
    )


def _tail_test(test: TailTest) -> Text:
    sentence = test.describe()
    return prose(
        "{}. More than chance means that the network fitted its members beyond what it learnt to "
        "do; across models this goes along with attacks that find single members. It holds for "
        "non-members of the same source as the members only, and names no image.",
        sentence[0].upper() + sentence[1:],
    )


def _attacks(findings: MembershipFindings) -> list[Block]:
    """Return the table of all attacks, what its columns mean, and what was not run."""
    every = findings.all_attacks
    rates = resolved_fprs(findings.attacks)
    note = (
        "Click a heading to sort. Below each value, its 95% interval. TPR at FPR is the share of "
        "members called members while at most that share of non-members is; rates at which fewer "
        "than five false positives are expected are left out, since so few non-members cannot "
        "place the threshold. Balanced accuracy is that of a threshold chosen on one half of the "
        "records and measured on the other: the best threshold may do a little better."
    )
    has_queries = any(finding.queries is not None for finding in every.values())
    queries = "Queries: model calls for one record, at most." if has_queries else ""
    blocks: list[Block] = [Paragraph(sentences(note, queries)), attack_table(every, rates)]
    blocks += [*skipped_details(findings.skipped), *note_bullets(every)]
    if findings.label_only is not None:
        labels = findings.label_only
        text = (
            f"label_only was run on {count(labels.auc.n)} of the records only, so it is neither "
            "among the curves nor in the list of exposed images. It used "
            f"{decimal(labels.mean_queries, 0)} queries for one record on average."
        )
        if labels.no_boundary:
            text += (
                f" For {plural(labels.no_boundary, 'record')} no boundary was found; they tie with "
                "the farthest."
            )
        blocks.append(Paragraph(text))
    return blocks


def _conclusions(attacks: int) -> Part:
    return conclusions(
        [
            prose(
                "A TPR above the FPR means that training left a trace of <em>single images</em> in "
                "the outputs of the network."
            ),
            "Look at the left end of the ROC curve, where an attacker makes few false positives. "
            "The AUC can be near 50% while some members are identified with near certainty.",
            "Reference models calibrate how hard each image is. Without them an easy image looks "
            "like a member.",
        ],
        [
            "An exposed image is not proven a member to an outsider: a few non-members score as "
            "high.",
            "Chance-level attacks do not prove safety. A stronger attack, or more reference "
            "models, may find more.",
            "If members and non-members differ by source or date, attacks measure that. The "
            "controls look for it, and see only what those networks see.",
            f"The best of {plural(attacks, 'attack')} was chosen after the fact; its numbers are "
            "slightly optimistic.",
        ],
    )


def _exposed(
    root: Path,
    findings: MembershipFindings,
    verdict: AttackVerdict,
    records: Columns,
    scores: Mapping[str, FloatArray],
) -> list[Block]:
    """Return pictures of the most exposed members, or a table where there are none."""
    best, _ = best_attack(findings.attacks)
    blocks: list[Block] = []
    if verdict.rate is None:
        text = (
            "<b>No attack finds more single images than guessing does, so this order may be "
            "chance:</b> no image here can be named with confidence."
        )
        blocks.append(Paragraph(prose(text)))
    note = (
        f"Ranked by the number of non-members that {best} scores at least as high: the fewer, the "
        "more certain its membership. Then by the number of attacks that have it among their top."
    )
    gallery = read_gallery(
        root / "gallery" / "membership", "exposed", "Filter the exposed images", note=note
    )
    if gallery is not None:
        return [*blocks, gallery]
    return [*blocks, Paragraph(note), _exposed_table(findings, best, records, scores)]


def _exposed_table(
    findings: MembershipFindings, best: str, records: Columns, scores: Mapping[str, FloatArray]
) -> Table:
    members: BoolArray = records["member"]
    exposed = exposure(scores, members, best)
    smallest = f"below {percent(findings.attacks[best].smallest_fpr, 2)}"
    rows: list[list[str | Cell]] = []
    for row in exposed.order[:MAX_EXPOSED_ROWS]:
        fpr, agreement = float(exposed.fpr[row]), int(exposed.agreement[row])
        rows.append(
            [
                str(records["index"][row]),
                Cell(fpr, smallest if fpr == 0 else percent(fpr, 2)),
                Cell(agreement, f"{agreement} of {len(scores)}"),
            ]
        )
    columns = [
        Column("Index"),
        Column("False positive rate", percent),
        Column("Attacks that agree", count),
    ]
    return Table(columns, rows)
