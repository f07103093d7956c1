import json
from dataclasses import replace

import numpy as np
import pytest

from imprint.cli import main
from imprint.core.errors import ImprintError
from imprint.data.imageset import ArrayImages
from imprint.lenses.membership.attack.attack import ATTACKS
from imprint.lenses.membership.attack.run import choose_attacks
from imprint.lenses.membership.cohort.references import Cohort
from imprint.lenses.membership.privacy.theory import greatest_auc
from imprint.lenses.membership.study.orders import read_order
from imprint.lenses.membership.study.records import Pool
from imprint.lenses.membership.study.series.curvature import Measured, attack_curvature
from imprint.lenses.membership.study.series.epsilon import with_budget
from imprint.lenses.membership.study.series.options import StudyOptions
from imprint.lenses.membership.study.series.points import point_masks, point_seed
from imprint.lenses.membership.study.series.size import (
    choose_set_sizes,
    difficulty,
    judge_ordered,
    repeat,
)
from imprint.lenses.membership.study.signals import ModelSignals
from imprint.stats import auc
from imprint.study.json_io import write_json
from imprint.study.tables import read_table, write_table
from imprint.train.cohort.options import CohortOptions

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


def test_budgets_have_masks_and_seeds_of_their_own():
    pool = Pool(index=np.arange(200), population=np.arange(0))
    names = ("epsilon 1", "epsilon 4", "no privacy")
    masks = [point_masks(options(), name, pool).members for name in names]
    for first, second in ((0, 1), (0, 2), (1, 2)):
        # 1,200 pairs of independent coins agree in one half; six deviations are 0.087.
        assert abs((masks[first] == masks[second]).mean() - 0.5) < 0.087
    assert len({point_seed(options(), name) for name in names}) == 3


def test_without_a_budget_the_network_has_the_same_layers():
    train = CohortOptions(architecture="mlp", architecture_options=(("widths", "8"),))
    free = with_budget(train, None)
    assert not free.private
    assert dict(free.architecture_options) == {"of": "mlp", "widths": "8"}
    assert with_budget(train, 3.0) == replace(train, epsilon=3.0)


SIZE = 200


def answers(phi):
    nobody = {"phi": np.zeros((1, 0))}
    return ModelSignals({"phi": phi[None]}, nobody, phi > 0, np.zeros(0, dtype=bool))


def cohort_of_difficulty(seed, models, gap=0.0):
    """Models whose φ is how easy a record is, falling with its number, and noise."""
    random = np.random.default_rng(seed)
    easy = np.linspace(6, -6, 2 * SIZE)
    masks = random.random((models, 2 * SIZE)) < 0.5
    phi = easy + random.normal(size=(models, 2 * SIZE)) + gap * masks
    return phi, masks


def test_an_order_of_difficulty_is_told_without_any_training_and_coins_are_not():
    """The fault to keep out: a loss threshold finds the first of an order, trained on or not."""
    first = np.arange(2 * SIZE) < SIZE
    phi, masks = cohort_of_difficulty(0, models=12)
    attacks = choose_attacks(("loss", "lira_shrunk", "base"))
    models = [answers(row) for row in phi]
    shown = judge_ordered(models[:4], models[4:], masks[4:], first, attacks, {}, 0)
    assert shown["attacks"]["loss"]["auc"]["value"] > 0.97
    assert shown["difficulty"]["auc"]["value"] > 0.97
    areas = [auc(row[inside], row[~inside]).value for row, inside in zip(phi, masks, strict=True)]
    # Twelve AUCs of about 200 against 200, each with a deviation of 0.029: their mean 0.0083.
    assert abs(np.mean(areas) - 0.5) < 0.034


def test_difficulty_alone_has_no_membership_in_it():
    """However much training adds, models that never saw a record say the same of it."""
    first = np.arange(2 * SIZE) < SIZE
    found = []
    for gap in (0.0, 50.0):
        phi, masks = cohort_of_difficulty(1, models=8, gap=gap)
        found.append(difficulty(Cohort({"phi": phi[:, None]}, masks), first, 0)["auc"]["value"])
    assert found[0] == found[1] > 0.97


def test_models_of_an_order_share_their_members():
    first = np.array([True, False, True, False])
    assert (repeat(first, 3).members == first).all()


def test_values_at_the_floor_are_counted_by_side():
    floor = np.zeros((4, 1, 6))
    masks = np.array([[True, True, True, False, False, False]] * 4)
    values = floor + np.random.default_rng(0).random((4, 1, 6)) + 0.1
    values[:, :, 0] = 0.0
    values[0, :, 3] = 0.0
    measured = Measured(values, floor, np.zeros((4, 1, 0)))
    found = attack_curvature(measured, masks, [ATTACKS.get("loss")], {}, 0)
    assert found["at_floor"] == {
        "members": pytest.approx(1 / 3),
        "non_members": pytest.approx(1 / 12),
    }


@pytest.fixture
def images():
    pixels = np.random.default_rng(0).integers(0, 256, (6, 3, 4, 4), dtype=np.uint8)
    return ArrayImages(pixels, np.arange(6) % 2, ("a", "b"))


def test_an_order_is_read_from_a_cohort_by_rising_memorization(tmp_path, images):
    write_json(tmp_path / "summary.json", {"data": {"fingerprint": images.fingerprint()}})
    columns = {"index": np.array([1, 3, 4, 5]), "memorization": np.array([0.5, 0.1, np.nan, 0.1])}
    (tmp_path / "membership").mkdir()
    write_table(tmp_path / "membership" / "records.parquet", columns)
    assert read_order(tmp_path, images).tolist() == [3, 5, 1]
    write_json(tmp_path / "summary.json", {"data": {"fingerprint": "other"}})
    with pytest.raises(ImprintError, match="other images"):
        read_order(tmp_path, images)


@pytest.mark.parametrize(
    ("order", "message"),
    [
        (np.array([0, 6]), "names image 6"),
        (np.array([0, 0]), "twice"),
        (np.array([0.5]), "whole numbers"),
        (np.array([[1]]), "whole numbers"),
    ],
)
def test_a_file_that_is_no_order_is_told(tmp_path, images, order, message):
    np.save(tmp_path / "order.npy", order)
    with pytest.raises(ImprintError, match=message):
        read_order(tmp_path / "order.npy", images)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--over", "models", "--masks", "balanced"), "choose --masks coins"),
        (("--over", "models", "--values", "7"), "whole numbers from 2 to 4"),
        (("--over", "size", "--values", "41"), "from 20 to 40"),
        (("--over", "epsilon", "--values", "0"), "must be above 0"),
        (("--over", "epsilon", "--train.noise", "1"), "the budget is what is varied"),
        (("--over", "epsilon", "--values", "1,1000"), "the accountant prv fills the memory"),
        (("--over", "size", "--augmentations", "identity,twirl"), "twirl"),
        (("--over", "curvature", "--attacks", "loss,mentr"), "none of these attacks reads"),
        (("--over", "curvature", "--values", "0"), "must be positive"),
    ],
)
def test_what_cannot_be_varied_is_told_before_anything_is_trained(tmp_path, capsys, words, message):
    out = tmp_path / "study"
    with pytest.raises(SystemExit):
        main(["membership", "study", "--out", str(out), *TINY, *words])
    assert message in capsys.readouterr().err
    assert not out.exists()


def test_sizes_leave_as_many_records_outside():
    assert choose_set_sizes(800, ()) == [100, 200, 400]
    assert choose_set_sizes(80, (30, 20, 30)) == [20, 30]
    with pytest.raises(ImprintError, match="too few"):
        choose_set_sizes(10, ())
