"""Tables of the déjà vu tests, for page, terminal and notebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from imprint.core.missing import Missing
from imprint.lenses.dejavu.findings import (
    ByPercent,
    OneModelFindings,
    SweepPoint,
    TwoModelFindings,
    probe_accuracy,
)
from imprint.lenses.dejavu.page.verdict import percents_of
from imprint.report.blocks import ControlResult
from imprint.report.prose import Text
from imprint.report.table import Cell, Column, Dumbbell, Table, Value
from imprint.report.wording import count, fixed, nats, percent, points, significant
from imprint.stats.control import Control
from imprint.stats.estimate import Estimate
from imprint.study.tables import Table as Columns
from imprint.train.probe_options import ProbeAccuracies

Row = list[Value | Cell]

QUANTITIES = {
    "score": (
        "Déjà vu score",
        "Target accuracy minus reference accuracy, each on the images that model is most "
        "confident of.",
    ),
    "paired_score": (
        "Paired score",
        "The same on one set of images, those the target is most confident of: memorized − "
        "forgotten.",
    ),
    "target_accuracy": (
        "Target accuracy",
        "How often the model trained on the image names its object from the background.",
    ),
    "reference_accuracy": (
        "Reference accuracy",
        "How often the model that was not trained on the image does: what the background alone "
        "reveals.",
    ),
    "memorized": (
        "Memorized",
        "Only the target is right. Includes chance hits, so read it against the next row.",
    ),
    "forgotten": (
        "Forgotten",
        "Only the reference is right. It cannot be memorization: this is the noise floor.",
    ),
    "correlated": ("Correlated", "Both are right: the background is typical of its object."),
    "unassociated": ("Neither", "Neither is right: the background reveals nothing."),
}
IN_POINTS = ("score", "paired_score")
REFERENCES = {
    "crop_classifier": "A network trained to name the object from the crop.",
    "naive_bayes": "Naive Bayes on tags of the crop.",
    "linear_head": "A linear classifier on features of a network, or of colours and edges.",
    "combined": "The normalised geometric mean of the references above.",
    "strictest": "Right where any of them is, as confident as the most confident: for claims about "
    "single images; chance hits add up in it.",
}


def cut_title(at: str) -> str:
    """Return the name of a cut by confidence.

    >>> cut_title("100"), cut_title("20")
    ('all images', 'top 20%')
    """
    return "all images" if float(at) == 100 else f"top {at}%"


def _score_column(at: str, title: str) -> Column:
    return Column(title, points, unit="points", key=f"score_{at}")


def two_model_table(test: ByPercent, caption: Text = "", title: str = "") -> Table:
    """Return every quantity of a two-model test, a column a cut by confidence."""
    percents = percents_of(test)
    rows: list[Row] = []
    for field, (name, meaning) in QUANTITIES.items():
        in_points = field in IN_POINTS
        label = f"{name} (points)" if in_points else name
        cells = [_written(getattr(test[p], field), in_points) for p in percents]
        rows.append([Cell(label, note=meaning), *cells])
    columns = [Column(cut_title(p), percent, key=f"top_{p}") for p in percents]
    return Table([Column("Quantity"), *columns], rows, title=title, caption=caption)


def _written(estimate: Estimate, in_points: bool) -> Estimate | Cell:
    return Cell(estimate, write=points) if in_points else estimate


def two_model_summary(findings: TwoModelFindings) -> Table:
    """Return the accuracies and the score of a two-model test, a row a cut by confidence."""
    test = findings.two_model
    rows: list[Row] = [
        [cut_title(p), test[p].target_accuracy, test[p].reference_accuracy, test[p].score]
        for p in percents_of(test)
    ]
    columns = [
        Column("most confident"),
        Column("target accuracy", percent),
        Column("reference accuracy", percent),
        Column("déjà vu score", points, unit="points"),
    ]
    title = "Déjà vu: does the background reveal the object? (95% interval)"
    return Table(columns, rows, title=title)


def control_results(controls: Mapping[str, Control] | None) -> list[ControlResult]:
    """Return controls as the page shows them, failed ones first."""
    write = fixed(3)
    results = [
        ControlResult(
            name.replace("_", " "),
            control.what,
            control.passed,
            write(control.value.value),
            write(control.expected),
            f"{write(control.value.low)} to {write(control.value.high)}",
        )
        for name, control in (controls or {}).items()
    ]
    return sorted(results, key=lambda result: result.passed)


def probe_table(probes: Mapping[str, ProbeAccuracies], title: str = "") -> Table:
    """Return the accuracies of linear probes, one row per model and a set."""
    rows: list[Row] = [
        [model, side, float(accuracy.n), accuracy.top1, accuracy.top5]
        for model, accuracies in probes.items()
        for side, accuracy in (
            ("members", accuracies.train),
            ("non-members", accuracies.held_out),
        )
    ]
    columns = [
        Column("Model"),
        Column("Images"),
        Column("n", count),
        Column("Top-1", percent),
        Column("Top-5", percent),
    ]
    return Table(columns, rows, title=title)


def class_rows(table: Columns) -> list[int]:
    """Return the rows of a table of classes that have images."""
    return [row for row in range(len(table["index"])) if table["n"][row] > 0]


def class_name(names: Sequence[str], label: int) -> str:
    """Return the name of a class, or its number where it has none."""
    return names[label] if label < len(names) else f"class {label}"


def two_model_classes(table: Columns, names: Sequence[str]) -> Table:
    """Return the classes of a two-model test, largest gap first."""
    rows: list[Row] = []
    for row in class_rows(table):
        target, reference = (float(table[f"{m}_accuracy"][row]) for m in ("target", "reference"))
        rows.append(
            [
                class_name(names, int(table["index"][row])),
                float(table["n"][row]),
                target,
                reference,
                float(table["gap"][row]),
                float(table["confidence_gap"][row]),
                Dumbbell(reference, target),
            ]
        )
    rows.sort(key=lambda cells: -float(str(cells[4])))
    columns = [
        Column("Class"),
        Column("Images", count),
        Column("Target", percent),
        Column("Reference", percent),
        Column("Gap", points, unit="points"),
        Column("Confidence gap", nats, unit="nats"),
        Column("Reference → target", on_phone=False),
    ]
    return Table(columns, rows, sorted_by="Gap", tall=True)


def one_model_classes(table: Columns, names: Sequence[str], best: str) -> Table:
    """Return the classes of a one-model test, those with most correlation first."""
    rows: list[Row] = []
    for row in class_rows(table):
        model, reference = float(table["accuracy"][row]), float(table[f"{best}_accuracy"][row])
        name, size = class_name(names, int(table["index"][row])), float(table["n"][row])
        correlated = float(table[f"correlated_{best}"][row])
        rows.append([name, size, model, reference, model - reference, correlated])
    rows.sort(key=lambda cells: -float(str(cells[5])))
    columns = [
        Column("Class"),
        Column("Images", count),
        Column("Model", percent, on_phone=False),
        Column("Reference", percent, on_phone=False),
        Column("Gap", points, unit="points"),
        Column("Correlated", percent),
    ]
    return Table(columns, rows, sorted_by="Correlated", tall=True)


def references_table(findings: OneModelFindings, caption: Text = "") -> Table:
    """Return the model against every reference."""
    percents = percents_of(findings.against[findings.best].test)
    rows: list[Row] = []
    for name, against in findings.against.items():
        everything = against.test[percents[0]]
        calibration = findings.calibration.get(name)
        best = " (best)" if name == findings.best else ""
        rows.append(
            [
                f"{name.replace('_', ' ')}{best}",
                *(against.test[p].score for p in percents),
                everything.reference_accuracy,
                everything.memorized,
                everything.forgotten,
                everything.correlated,
                None if calibration is None else calibration.temperature,
            ]
        )
    columns = [
        Column("Reference"),
        *(
            Column(f"Score, {cut_title(p)}", points, unit="points", key=f"score_{p}")
            for p in percents
        ),
        Column("Reference right", percent),
        Column("Memorized", percent),
        Column("Forgotten", percent),
        Column("Correlated", percent),
        Column("Temperature", significant),
    ]
    return Table(columns, rows, caption=caption)


def one_model_summary(findings: OneModelFindings) -> Table:
    """Return the score against every reference, as the terminal shows it."""
    percents = percents_of(findings.against[findings.best].test)
    rows: list[Row] = []
    for name, against in findings.against.items():
        marker = "→ " if name == findings.best else ""
        accuracy = against.test[percents[0]].reference_accuracy.value
        rows.append([marker + name, *(against.test[p].score for p in percents), accuracy])
    columns = [
        Column("reference"),
        *(_score_column(p, cut_title(p)) for p in percents),
        Column("reference accuracy", percent),
    ]
    title = "Déjà vu of one model: accuracy less the reference's (95% interval)"
    return Table(columns, rows, title=title)


def agreement_table(findings: OneModelFindings, caption: Text = "") -> Table:
    """Return how far references agree, one row per pair."""
    rows: list[Row] = [
        [
            f"{pair.first.replace('_', ' ')} and {pair.second.replace('_', ' ')}",
            pair.agreed,
            pair.both_right,
            pair.same_guess,
            pair.kappa,
        ]
        for pair in findings.agreement
    ]
    columns = [
        Column("Pair"),
        Column("Agreed", percent),
        Column("Both right", percent),
        Column("Same guess", percent),
        Column("κ", fixed(2), key="kappa"),
    ]
    return Table(columns, rows, caption=caption)


def claims_sentences(findings: OneModelFindings) -> list[str]:
    """Return the score on non-members and the claims about single images, for the terminal."""
    claims, lines = findings.claims, []
    if not isinstance(findings.non_members, Missing):
        beyond = findings.non_members.against[findings.best]
        score = beyond.test[percents_of(beyond.test)[0]].score
        lines.append(
            f"score on non-members: {points(score.value)} [{points(score.low)}, "
            f"{points(score.high)}], against {findings.best}"
        )
    claimed = f"images that the model alone names: {claims.claimed}"
    if claims.excluded:
        claimed += f", and {claims.excluded} excluded"
    if not isinstance(findings.non_members, Missing):
        chance = percent(findings.non_members.claimed_by_chance.value)
        claimed += f"; the same rule marks {chance} of the non-members"
    lines.append(claimed)
    return lines


def sweep_table(points_of_sweep: Sequence[SweepPoint]) -> Table:
    """Return the score of every point of a sweep, with its linear probes where there are any."""
    percents = list(points_of_sweep[0].two_model)
    rows: list[Row] = []
    probed = points_of_sweep[0].linear_probe is not None
    for point in points_of_sweep:
        name = f"{point.axis.split('.')[-1]}={point.value}" if point.value else "base settings"
        cells = [point.two_model[p].score for p in percents]
        probes = [probe_accuracy(point, part) for part in ("train", "held_out")] if probed else []
        rows.append([name, float(point.epoch), *cells, *probes])
    columns = [
        Column("varied"),
        Column("epoch", count),
        *(_score_column(p, cut_title(p)) for p in percents),
    ]
    if probed:
        columns += [
            Column("probe, members", percent),
            Column("probe, non-members", percent),
        ]
    title = "Déjà vu score of every point (points, 95% interval)"
    return Table(columns, rows, title=title)
