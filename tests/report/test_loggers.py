import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import imprint
from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.lenses.membership.findings import AttackFinding, MembershipFindings
from imprint.report.loggers import log_findings
from imprint.report.result import Result
from imprint.report.table import Column, Table
from imprint.report.wording import percent
from imprint.stats.control import Control
from imprint.stats.estimate import Estimate

AUC = Estimate(0.75, (0.7, 0.8), 400)
FINDINGS = MembershipFindings(
    attacks={
        "lira": AttackFinding(
            auc=AUC,
            tpr_at_fpr={"0.1": AUC, "0.01": Missing("too few")},
            balanced_accuracy=AUC,
            smallest_fpr=0.1,
            reads="phi",
            controls={"permuted": Control("Shuffled.", AUC, 0.5)},
        )
    },
    skipped={"rmia": "needs a population"},
)
SCALARS = {
    f"membership/lira/{name}{end}": value
    for name in ("auc", "tpr_at_fpr/0.1", "balanced_accuracy")
    for end, value in (("", 0.75), ("_low", 0.7), ("_high", 0.8))
} | {"membership/lira/controls/permuted": 0.0}


def logged(result: object) -> dict[str, float]:
    seen: dict[str, float] = {}
    assert log_findings(result, seen.update) == seen
    return seen


def test_estimates_become_three_scalars_and_controls_one() -> None:
    assert logged(FINDINGS) == SCALARS


def test_no_name_is_a_folder_of_another() -> None:
    assert not [
        name for name in SCALARS for other in logged(FINDINGS) if other.startswith(f"{name}/")
    ]


def test_what_a_function_returned_and_its_findings_are_the_same() -> None:
    members = np.arange(60) < 30
    result = imprint.membership.attack(np.arange(60.0), members, attacks="loss", controls=False)
    seen: dict[str, float] = {}
    assert result.log(seen.update) == seen == logged(result.findings)
    assert seen["membership/loss/auc"] == result["loss"].auc.value


def test_a_summary_holds_every_lens_and_the_accuracies(tmp_path: Path) -> None:
    accuracy = {"members": AUC, "tests": 0.5}
    summary = {"model": {"accuracy": accuracy}, "lenses": {"membership": FINDINGS}}
    ends = {"": 0.75, "_low": 0.7, "_high": 0.8}
    expected = {f"model/accuracy/members{end}": value for end, value in ends.items()}
    expected |= {"model/accuracy/tests": 0.5, **SCALARS}
    assert logged(summary) == expected
    from imprint.study.finding import to_json

    content = {"schema": 2, "data": {}, **{key: to_json(value) for key, value in summary.items()}}
    (tmp_path / "summary.json").write_text(json.dumps(content))
    assert logged(tmp_path) == expected
    with pytest.raises(ImprintError, match=r"no summary\.json"):
        logged(tmp_path / "nowhere")


def test_other_results_are_logged_by_row_and_column() -> None:
    @dataclass(frozen=True, repr=False)
    class Accuracy(Result):
        def tables(self) -> list[Table]:
            return [Table([Column("set"), Column("top 1", percent)], [["a/b:c", AUC]])]

    assert logged(Accuracy()) == {
        "a_b_c/top_1": 0.75,
        "a_b_c/top_1_low": 0.7,
        "a_b_c/top_1_high": 0.8,
        "a_b_c/top_1_n": 400.0,
    }


@pytest.mark.parametrize("nothing", [{}, 3, None, {"lenses": {"coverage": [1, 2]}}])
def test_what_holds_no_number_is_refused(nothing: object) -> None:
    with pytest.raises(ImprintError, match="holds no estimate"):
        logged(nothing)


def test_a_logger_without_methods_is_refused() -> None:
    with pytest.raises(ImprintError, match="str cannot log"):
        log_findings(FINDINGS, "writer")


def test_event_files_of_tensorboard_hold_every_scalar(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(tmp_path)) as writer:
        log_findings(FINDINGS, writer, step=7)
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    read = {name: events.Scalars(name)[0] for name in events.Tags()["scalars"]}
    assert {name: event.value for name, event in read.items()} == pytest.approx(SCALARS)
    assert {event.step for event in read.values()} == {7}


class Mlflow:
    """The part of MLflow that is used, with the names it allows."""

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        import re

        assert all(re.fullmatch(r"[\w\-./ ]{1,250}", name, re.ASCII) for name in metrics)
        self.logged = metrics, step


class Wandb:
    """The part of a run of Weights & Biases that is used."""

    def log(self, data: dict[str, float], **more: Any) -> None:
        self.logged = data, more


def test_mlflow_and_wandb_get_all_scalars_at_once() -> None:
    mlflow, wandb = Mlflow(), Wandb()
    log_findings(FINDINGS, mlflow, step=2)
    log_findings(FINDINGS, wandb)
    assert mlflow.logged == (SCALARS, 2)
    assert wandb.logged == (SCALARS, {})
    log_findings(FINDINGS, wandb, step=3)
    assert wandb.logged[1] == {"step": 3}
