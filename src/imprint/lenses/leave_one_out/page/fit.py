"""The section of a fit: leave-one-out influence of every record, how large it is, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.lenses.leave_one_out.findings import Approximation, Duplicates, FitFindings
from imprint.lenses.leave_one_out.page.fit_figures import fit_figures
from imprint.lenses.leave_one_out.page.model_quality import quality_rows, quality_texts
from imprint.lenses.leave_one_out.page.noise_selection import noise_part
from imprint.lenses.leave_one_out.page.queries import query_blocks
from imprint.lenses.leave_one_out.page.real_values import (
    value_columns,
    value_headlines,
    value_names,
)
from imprint.lenses.leave_one_out.posterior.records import label_stands_out
from imprint.lenses.leave_one_out.posterior.summary import (
    NAMED_RECORDS,
    distinct_records,
    reason,
)
from imprint.report.blocks import (
    Block,
    Details,
    Figures,
    Headlines,
    Paragraph,
    Part,
    Verdict,
    conclusions,
)
from imprint.report.gallery import read_gallery
from imprint.report.headline import Headline
from imprint.report.inputs import read_columns
from imprint.report.prose import Text, number, prose, sentences
from imprint.report.section import SECTIONS, Section
from imprint.report.table import Cell, Column, Table, Value
from imprint.report.wording import (
    count,
    fixed,
    percent,
    plural,
    scientific,
    significant,
    with_interval,
)
from imprint.study.finding import from_json
from imprint.study.tables import Table as Columns

LENS = "leave_one_out"
COLUMNS = (
    "label", "auc", "first_copy", "leverage", "residual_norm", "memorization", "kl_out_in",
    "kl_variance", "prediction_out",
)  # fmt: skip
MEASURES = {
    "leverage": "leverage",
    "kl_out_in": "KL(out ‖ in)",
    "kl_in_out": "KL(in ‖ out)",
    "mean_distance": "mean distance",
}
PLAIN_KERNELS = ("rbf", "features")
"""Kernels that are no limit of a network."""


@SECTIONS.register(LENS)
def build(root: Path, summary: Mapping[str, Any]) -> Section | None:
    """Return the section of a leave-one-out fit, or None when the study has none.

    Raises:
        ImprintError: a finding, table or picture it needs is missing or damaged.
    """
    if "kernel" not in summary["lenses"].get(LENS, {}):
        return None
    findings = from_json(FitFindings, summary["lenses"][LENS], "summary.json")
    records = distinct_records(_read_records(root / LENS / "records.parquet", findings))
    blocks: list[Block] = [
        _verdict(findings),
        Headlines(_headlines(findings, records)),
        *_remarks(findings),
        Figures(fit_figures(records, findings.noise_path, target_name(findings))),
    ]
    blocks += noise_part(findings)
    if findings.noise_path is not None:
        note = "Here every record is left out by itself" + (
            ", exact copies of it stay." if findings.duplicates.exact.groups else "."
        )
        table = path_table(findings)
        blocks.append(Part("By noise variance", [Paragraph(note), table], "leave-one-out-noise"))
    gallery = read_gallery(
        root / "gallery" / LENS,
        "strongest",
        "Filter the images of the largest divergence",
        note="Ranked by the divergence of the models without and with the image, at the image. "
        "AUC is that of the best test between the two models.",
    )
    strongest = gallery or strongest_records(findings, records)
    title = "Records with the largest divergence"
    blocks.append(Part(title, [strongest], "leave-one-out-records", "Strongest records"))
    blocks += [*query_blocks(findings), _conclusions(findings), _precision(findings)]
    return Section(LENS, "Leave-one-out influence", blocks, order=40)


def target_name(findings: FitFindings) -> str:
    """Return what a target is called."""
    return "value" if findings.targets == "values" else "label"


def verdict_statement(findings: FitFindings) -> tuple[bool, str]:
    """Return whether records are given away, and the heading of the section.

    A record is given away when its own prediction proves its presence more often than not at a
    rare false positive rate. An AUC above ½ is no such proof, and nearly every record has one.
    """
    given_away, typical = findings.given_away, findings.tpr.median.value
    rates = f"TPR {percent(typical)} at FPR {percent(given_away.fpr)}"
    if typical >= given_away.tpr:
        return True, f"The prediction for a typical record reveals its membership: {rates}"
    if given_away.value > 0:
        return True, (
            f"Predictions for {percent(given_away.value)} of the records reveal their membership "
            f"more often than not; the median record has {rates}"
        )
    return False, (
        f"No record's membership is revealed more often than not: the median record has {rates}"
    )


def fitted_model(findings: FitFindings) -> str:
    """Return what the numbers are of: the model that was fitted, never the one under audit."""
    compared = "" if findings.inputs is None else f" on the {findings.inputs.partition(',')[0]}"
    if findings.kernel["name"] in PLAIN_KERNELS:
        return f"a Gaussian process{compared}"
    return f"a model of infinite width{compared}"


def _verdict(findings: FitFindings) -> Verdict:
    reveals, statement = verdict_statement(findings)
    name, method = str(findings.kernel["name"]), findings.approximation
    kind = (
        prose(" with the kernel <b>{}</b>", name)
        if name in PLAIN_KERNELS
        else prose(", the limit of a network of infinite width (<b>{}</b>)", name)
    )
    how: Text = " exactly"
    if method is not None:
        how = prose(
            " by the method <b>{}</b>, with the errors stated below",
            method.method.replace("_", " "),
        )
    question = prose(
        "How far would the prediction for a record move without the record? {records} records were "
        "fitted once by a Gaussian process{kind}; every model with one record less follows from "
        "that fit{how}, and none was trained again.",
        records=count(findings.records),
        kind=kind,
        how=how,
    )
    wide = "" if name in PLAIN_KERNELS else ", and the network is infinitely wide"
    worst_case = (
        "This is the worst case: the observer knows all other records and the kernel, and sees the "
        f"prediction for the record to the last digit{wide}. Where this observer fails, every "
        "query of this Gaussian process fails; a trained network is another model: what this "
        "observer finds may be hard to find there, and a record may mark it in other ways. "
        "Membership is revealed where the likelihood-ratio test "
        f"between the two models has a TPR of {percent(findings.given_away.tpr)} or more at FPR "
        f"{percent(findings.given_away.fpr)}."
    )
    return Verdict(
        statement,
        [question, worst_case],
        found=reveals,
        anchor="leave-one-out-result",
        link="Leave-one-out influence",
    )


def _read_records(file: Path, findings: FitFindings) -> Columns:
    """Return the columns that the page shows.

    Raises:
        ImprintError: no such table, or one that was edited.
    """
    columns = read_columns(file, *COLUMNS, *value_names(findings))
    classes = len(findings.classes)
    for name in COLUMNS:
        column = columns[name]
        if name == "first_copy":
            fits = column.dtype.kind == "b"
        elif name in ("label", "prediction_out"):
            fits = column.dtype.kind in "iu" and bool(((column >= 0) & (column < classes)).all())
        else:
            fits = column.dtype.kind == "f" and not np.isinf(column).any()
        if not fits:
            raise ImprintError(
                f"{file} has a damaged column {name!r}: delete {file.parent} and run again"
            )
    return columns


def _headlines(findings: FitFindings, records: Columns) -> list[Headline]:
    share, typical = findings.distinguishable, findings.auc.median
    return [
        *_accuracy_headline(findings, records),
        Headline(
            "Distinguishability (AUC)",
            typical,
            0.5,
            "From the prediction for the record itself, an observer distinguishes the model with "
            f"it from the model without it with an AUC of {percent(typical.value)} at the median "
            f"record, and of {percent(share.auc, 0)} or more at {percent(share.value)} of the "
            "records.",
        ),
    ]


def _accuracy_headline(findings: FitFindings, records: Columns) -> list[Headline]:
    accuracy = findings.leave_one_out_accuracy
    if isinstance(accuracy, Missing):
        return value_headlines(findings)
    if findings.targets is not None:
        sentence = (
            "Fitted to all other records, the model predicts "
            f"{percent(accuracy.value)} of the labels of a record."
        )
        return [Headline("Leave-one-out accuracy", accuracy, 0.5, sentence)]
    commonest = float(np.bincount(records["label"]).max() / len(records["label"]))
    return [
        Headline(
            "Leave-one-out accuracy",
            accuracy,
            commonest,
            "Fitted to all other records, the model predicts the class of "
            f"{percent(accuracy.value)} of the records. Majority-class baseline: "
            f"{percent(commonest)}.",
            nothing="the commonest class",
        )
    ]


def _remarks(findings: FitFindings) -> list[Paragraph]:
    freedom, divergence = findings.effective_degrees_of_freedom, findings.kl_out_in.median
    texts = [
        prose(
            "<b>Of {records} {targets}, the model follows {freedom} freely</b> (effective degrees "
            "of freedom, at noise variance {noise}). The median divergence without and with a "
            "record is {divergence} nats, 95% interval {low} to {high}. Both depend on the noise: "
            "a smaller one makes every record count for more.",
            records=count(findings.records),
            targets=f"{target_name(findings)}s",
            freedom=number(freedom, fixed(1)),
            noise=significant(findings.noise),
            divergence=number(divergence.value, significant),
            low=significant(divergence.low),
            high=significant(divergence.high),
        ),
        *_target_texts(findings),
        *quality_texts(findings),
        *_duplicate_texts(findings.duplicates, findings.distinct, target_name(findings)),
    ]
    return [Paragraph(text, "remark") for text in texts]


def _target_texts(findings: FitFindings) -> list[Text]:
    texts: list[Text] = []
    if findings.inputs is not None:
        texts.append(f"The kernel compares {findings.inputs}.")
    return texts


def _duplicate_texts(duplicates: Duplicates, distinct: int, target: str) -> list[Text]:
    exact, near, collinear = duplicates.exact, duplicates.near, duplicates.collinear
    texts: list[Text] = []
    if exact.groups:
        conflict: Text = ""
        if exact.conflicting:
            conflict = prose(
                "Copies in {} have <b>different {}s</b>, {} for instance: at least one of each "
                "is wrong, or the data do not determine the {}.",
                plural(exact.conflicting, "group"),
                target,
                _listed(exact.disputed[0]),
                "class" if target == "label" else target,
            )
        copies = prose(
            "<b>{} in {} are exact copies of one another</b>, {} for instance. Leaving out one of "
            "them hardly moves anything, because the others stay; here they are left out together "
            "and count once: every number and interval is over {}.",
            plural(exact.records, "record"),
            plural(exact.groups, "group"),
            _listed(exact.first[0]),
            plural(distinct, "distinct record"),
        )
        texts.append(sentences(copies, conflict))
    if not isinstance(near, Missing) and near.records > exact.records:
        texts.append(
            f"{plural(near.records, 'record')} in {plural(near.groups, 'group')} are near copies, "
            f"within {percent(near.distance)} of one another in the space of the kernel, exact "
            f"copies among them: {_listed(near.first[0])} for instance. They are left out one at a "
            "time, so what a record shares with the other is not lost without it."
        )
    if not isinstance(collinear, Missing) and collinear.records > exact.records:
        texts.append(
            f"{plural(collinear.records, 'record')} in {plural(collinear.groups, 'group')} are the "
            "same to the kernel, up to a factor, copies among them: "
            f"{_listed(collinear.first[0])} for instance. Unlike exact copies they are left out "
            "one at a time."
        )
    return texts


def _listed(indices: Sequence[int]) -> str:
    return " and ".join(map(str, indices))


def path_table(findings: FitFindings) -> Table:
    """Return one row per noise variance."""
    path = findings.noise_path
    assert path is not None
    columns = [
        Column("Noise variance", significant, key="noise"),
        Column("Degrees of freedom", fixed(1)),
        Column("Leave-one-out accuracy", percent),
        Column("Median KL", significant),
        Column("Largest KL", significant),
    ]
    predicted = path.leave_one_out_accuracy
    if path.explained_variance is not None:
        columns[2] = Column("Variance explained without each", percent)
        predicted = path.explained_variance
    rows = zip(
        path.noise,
        path.effective_degrees_of_freedom,
        predicted or [None] * len(path.noise),
        path.kl_median,
        path.kl_most,
        strict=True,
    )
    return Table(columns, [list(row) for row in rows], title="By noise variance")


def strongest_records(findings: FitFindings, records: Columns) -> Table:
    """Return the records with the largest divergence as a table."""
    by_label = label_stands_out(records["kl_out_in"], records["kl_variance"])
    order = np.argsort(-records["kl_out_in"], kind="stable")[:NAMED_RECORDS]
    classes = findings.targets is None
    columns = [
        Column("Index"),
        *([Column("Class"), Column("Prediction without it")] if classes else []),
        *value_columns(findings),
        Column("Stands out by"),
        Column("KL", significant, unit="nats"),
        Column("AUC", percent),
        Column("Memorization", fixed(2)),
    ]
    rows: list[list[Value | Cell]] = [
        [
            str(records["index"][row]),
            *(
                findings.classes[int(records[name][row])]
                for name in (("label", "prediction_out") if classes else ())
            ),
            *(float(records[name][row]) for name in value_names(findings)),
            reason(bool(by_label[row]), target_name(findings)),
            *(float(records[name][row]) for name in ("kl_out_in", "auc", "memorization")),
        ]
        for row in order
    ]
    caption = "At the record itself, without and with it."
    if findings.targets == "values":
        caption += " Memorization: by how much closer to its target the prediction is with it."
    return Table(columns, rows, caption=caption)


def _conclusions(findings: FitFindings) -> Part:
    exact = "exact" if findings.approximation is None else "those of this model up to the errors"
    return conclusions(
        [
            prose(
                "Which records carry information that no other record has: those <em>far from the "
                "rest</em>, and those with an <em>unexpected {target}</em>, wrong ones among them.",
                target=target_name(findings),
            ),
            f"The numbers are {exact}. Intervals are over records, as if sampled from many.",
            "No query of the model reveals more of a record than the record itself.",
        ],
        [
            f"This is {fitted_model(findings)}, not a trained network. Which records stand out "
            "carries over better than how much.",
            "The observer knows all other records and sees predictions to the last digit: a bound "
            "on leakage, not an attack.",
            "Kernel, scale of the inputs and noise set the size of every number. Compare records "
            "within a fit, not fits of different settings.",
        ],
    )


def _precision(findings: FitFindings) -> Details:
    """Return the kernel, and how exact the numbers are."""
    method = findings.approximation
    rows: list[list[str]] = [
        [name.replace("_", " "), f"{value:.6g}" if isinstance(value, float) else str(value)]
        for name, value in {"kernel": findings.kernel["name"], **findings.kernel}.items()
        if name != "name"
    ]
    rows.append(["noise variance", significant(findings.noise)])
    if findings.kernel_error is not None:
        rows.append(["error of the activation's quadrature", scientific(findings.kernel_error)])
    if method is None:
        rows.append(["residual of the inverse", scientific(findings.inverse_residual or 0.0)])
        return Details("Kernel and precision", [_settings(rows)])
    rows += [
        ["method", method.method.replace("_", " ")],
        ["passes over the kernel matrix", count(method.passes)],
        ["error of α at most", scientific(method.weights_error_at_most)],
    ]
    note = Paragraph(_precision_note(method))
    return Details("Kernel and precision", [_settings(rows), note, _errors(method)])


def _precision_note(method: Approximation) -> str:
    note = (
        f"Relative errors, measured on {plural(method.checked, 'record')} drawn at random whose "
        "values were computed exactly, with 95% intervals. Collinear records were not looked for: "
        "that needs the whole kernel matrix."
    )
    if method.extremes is None:
        return note
    possible = method.extremes.possible
    rest = (
        f"up to {plural(possible, 'other record')} may exceed the largest divergence, which more "
        "landmarks would settle"
        if possible
        else "no other record can exceed the largest divergence"
    )
    named = plural(len(method.extremes.exact), "record")
    return f"{note} The {named} with the largest values were computed exactly; {rest}."


def _errors(method: Approximation) -> Table:
    errors = method.relative_error
    return Table(
        [
            Column("Value"),
            Column("Median error", scientific),
            Column("95% of records below", scientific),
            Column("Bias", scientific),
        ],
        [
            [what, errors[name].median, errors[name].quantile95, errors[name].bias]
            for name, what in MEASURES.items()
        ],
        anchor="leave-one-out-errors",
    )


def _settings(rows: Sequence[Sequence[str]]) -> Table:
    return Table([Column("Setting"), Column("Value")], rows, headings=False)


def fit_table(findings: FitFindings) -> Table:
    """Return the headline numbers of a fit, for the terminal."""
    share, given_away = findings.distinguishable, findings.given_away
    divergence, largest = findings.kl_out_in.median, findings.kl_out_in.most
    counted = count(findings.records)
    if findings.distinct < findings.records:
        counted += f", {count(findings.distinct)} of them distinct"
    rows: list[list[Value | Cell]] = [
        ["records", Cell(findings.records, counted)],
        *_accuracy_rows(findings),
        [f"AUC {share.auc:g} or more", _in_percent(share)],
        [f"TPR {given_away.tpr:g} or more at FPR {given_away.fpr:g}", _in_percent(given_away)],
        [
            "KL(out ‖ in), median",
            Cell(divergence, f"{with_interval(divergence, significant)} nats"),
        ],
        [
            "KL(out ‖ in), largest",
            Cell(largest.value, f"{significant(largest.value)} nats, index {largest.index}"),
        ],
        [
            "effective degrees of freedom",
            Cell(
                findings.effective_degrees_of_freedom,
                f"{findings.effective_degrees_of_freedom:.1f} of {count(findings.records)}",
            ),
        ],
        *_duplicate_rows(findings.duplicates, target_name(findings)),
        *_approximation_rows(findings.approximation),
    ]
    if isinstance(findings.queries, Missing):
        rows.append(["queries", f"none: {findings.queries.missing}"])
    title = "Leave-one-out influence of every record"
    return Table([Column("Measure"), Column("Value")], rows, title=title, headings=False)


def _accuracy_rows(findings: FitFindings) -> list[list[Value | Cell]]:
    rows: list[list[Value | Cell]] = []
    if not isinstance(findings.leave_one_out_accuracy, Missing):
        rows.append(["leave-one-out accuracy", _in_percent(findings.leave_one_out_accuracy)])
    if findings.explained_variance is not None:
        rows.append(["variance explained without each", _in_percent(findings.explained_variance)])
    rows += quality_rows(findings)
    if findings.inputs is not None:
        rows.append(["kernel of", findings.inputs.partition(",")[0]])
    return rows


def _in_percent(estimate: Any) -> Cell:
    return Cell(estimate, with_interval(estimate, percent))


def _duplicate_rows(duplicates: Duplicates, target: str) -> list[list[Value | Cell]]:
    exact, near, collinear = duplicates.exact, duplicates.near, duplicates.collinear
    rows: list[list[Value | Cell]] = []
    if exact.groups:
        rows.append(["exact copies, left out together", _grouped(exact)])
    if exact.conflicting:
        disputed = f"{exact.conflicting}, index {_listed(exact.disputed[0])}"
        rows.append([f"copies with different {target}s", disputed])
    if not isinstance(near, Missing) and near.records > exact.records:
        within = f"near copies (within {percent(near.distance, 0)}), left out one at a time"
        rows.append([within, _grouped(near)])
    if not isinstance(collinear, Missing) and collinear.records > exact.records:
        rows.append(["identical to the kernel, left out one at a time", _grouped(collinear)])
    return rows


def _grouped(duplicates: Any) -> str:
    return f"{duplicates.records} records in {plural(duplicates.groups, 'group')}"


def _approximation_rows(method: Approximation | None) -> list[list[Value | Cell]]:
    if method is None:
        return []
    error = method.relative_error["kl_out_in"]
    rows: list[list[Value | Cell]] = [
        ["method", method.method],
        [
            f"relative error of KL, median of {method.checked} records",
            Cell(error.median, scientific(error.median.value)),
        ],
        [
            "95 % of records have an error below",
            Cell(error.quantile95, scientific(error.quantile95.value)),
        ],
    ]
    if method.extremes is not None:
        possible = method.extremes.possible
        rows += [
            ["extreme records computed exactly", str(len(method.extremes.exact))],
            [
                "others that may exceed the largest",
                f"{possible}: raise --landmarks" if possible else "none",
            ],
        ]
    return rows
