import json

import numpy as np
import pytest

from imprint.cli import main
from imprint.lenses.membership.privacy.theory import greatest_auc
from imprint.lenses.membership.study.series.options import StudyOptions
from imprint.study.tables import read_table

TINY = [
    *("--composite-count", "100", "--models", "5", "--curvature-probes", "1", "--device", "cpu"),
    *("--train.architecture", "mlp", "--train.architecture-options", "widths=16"),
    *("--train.input-size", "8", "--train.epochs", "1", "--train.batch-size", "8"),
    *("--train.engine", "sequential", "--attacks", "lira_shrunk,curvature_lr,attack_p,loss"),
]


def study(out, over, *more):
    main(["membership", "study", "--over", over, "--out", str(out), *TINY, *more])
    return json.loads((out / "summary.json").read_text())["lenses"]["membership"]["study"]


def check_page(out, *texts):
    page = (out / "report.html").read_text()
    for text in ("Membership study", 'class="plot"', *texts):
        assert text in page


def stamps(out):
    made = [*out.rglob("*.safetensors"), *out.rglob("tables/**/*.parquet")]
    return {path: path.stat().st_mtime_ns for path in made}


def test_over_models_from_the_command_line_and_again(tmp_path, capsys):
    out = tmp_path / "study"
    found = study(out, "models")
    assert found["over"] == "models"
    assert [point["value"] for point in found["points"]] == [2, 4]
    for point in found["points"]:
        assert set(point["attacks"]) == {"lira_shrunk", "curvature_lr", "attack_p", "loss"}
        assert point["attacks"]["loss"]["auc"]["n"] == 5
        assert "too few" in point["attacks"]["loss"]["tpr_at_fpr"]["0.01"]["missing"]
    assert set(found["saturation"]) == {"lira_shrunk", "curvature_lr"}
    assert [gain["to"] for gain in found["saturation"]["lira_shrunk"]["gains"]] == [4]
    assert "lira_shrunk" in capsys.readouterr().out
    check_page(out, "How many reference models", "study-auc")
    table = read_table(out / "membership_study" / "points.parquet")
    assert table["auc"][0] == found["points"][0]["attacks"]["lira_shrunk"]["auc"]["value"]
    assert np.isnan(table["tpr_at_0.01"]).all()
    before, page = stamps(out), (out / "report.html").read_bytes()
    (out / "by_references.json").unlink()
    assert study(out, "models") == found
    assert stamps(out) == before
    assert (out / "report.html").read_bytes() == page


def test_over_sizes_in_an_order_that_a_file_gives(tmp_path):
    order = tmp_path / "order.npy"
    np.save(order, np.random.default_rng(0).permutation(100))
    out = tmp_path / "study"
    found = study(out, "size", "--values", "20,40", "--order", str(order))
    kinds = [(point["value"], point["records_are"]) for point in found["points"]]
    assert kinds == [
        (20, "random"),
        (40, "random"),
        *((20, kind) for kind in ("control", "order")),
        *((40, kind) for kind in ("control", "order")),
    ]
    for point in found["points"]:
        assert point["records"] == 2 * point["value"]
        assert ("measures" in point) == (point["records_are"] == "order")
    check_page(out, "measures difficulty, not membership", "study-order")
    tables = out / "points"
    records = [
        set(read_table(tables / f"size-{size}" / "membership" / "loss.parquet")["index"])
        for size in (20, 40)
    ]
    assert records[0] < records[1]
    before = stamps(out)
    (out / "points" / "size-20-order" / "membership.json").unlink()
    assert study(out, "size", "--values", "20,40", "--order", str(order)) == found
    assert stamps(out) == before


def test_over_curvature_all_places_share_one_cohort(tmp_path):
    out = tmp_path / "study"
    found = study(out, "curvature", "--values", "0.001,0.1", "--curvature-probe-counts", "1,2")
    assert len(found["points"]) == 8
    assert [point["queries"] for point in found["points"][:4]] == [5, 10, 9, 18]
    assert [len(point["views"]) for point in found["points"][:2]] == [1, 2]
    for point in found["points"]:
        assert set(point["attacks"]) == {"lira_shrunk", "curvature_lr", "attack_p"}
        assert 0 <= point["at_floor"]["members"] <= 1
    assert len(list(out.rglob("*.safetensors"))) == 5
    check_page(out, "study-floor", "How to measure curvature")


def test_over_epsilon_every_budget_beside_what_it_allows(tmp_path):
    pytest.importorskip("opacus")
    out = tmp_path / "study"
    more = ("--values", "2,8", "--models", "4", "--train.accountant", "rdp")
    found = study(out, "epsilon", *more)
    assert [point["value"] for point in found["points"]] == [2, 8, None]
    for point in found["points"][:2]:
        assert 0.9 * point["value"] < point["privacy"]["epsilon"] <= point["value"] + 1e-3
        allowed = float(greatest_auc(point["privacy"]["epsilon"], point["privacy"]["delta"]))
        assert point["allowed"]["auc"] == allowed
        for attack in point["attacks"].values():
            assert attack["auc"]["ci95"][0] < allowed
    assert "allowed" not in found["points"][2]
    check_page(out, "most that ε allows", "study-kl")


def options(**changes):
    values = {"over": "epsilon", "out": "unused", "models": 6, **changes}
    return StudyOptions(**values)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--over", "models", "--masks", "balanced"), "choose --masks coins"),
        (("--over", "models", "--values", "7"), "whole numbers from 2 to 4"),
        (("--over", "size", "--values", "41"), "from 20 to 40"),
        (("--over", "epsilon", "--values", "0"), "must be above 0"),
        (("--over", "epsilon", "--train.noise-multiplier", "1"), "the budget is what is varied"),
        (("--over", "epsilon", "--values", "1,1000"), "the accountant prv fills the memory"),
        (("--over", "size", "--augmentations", "identity,twirl"), "twirl"),
        (("--over", "curvature", "--attacks", "loss,mentr"), "none of these attacks reads"),
        (("--over", "curvature", "--values", "0"), "curvature_step must be above 0, got 0"),
    ],
)
def test_what_cannot_be_varied_is_told_before_anything_is_trained(tmp_path, capsys, words, message):
    out = tmp_path / "study"
    with pytest.raises(SystemExit):
        main(["membership", "study", "--out", str(out), *TINY, *words])
    assert message in capsys.readouterr().err
    assert not out.exists()
