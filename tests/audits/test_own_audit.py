import json

import numpy as np
import pytest
import torch
from torch import nn

import imprint
from imprint import membership
from imprint.audits.own_model import spell_seconds
from imprint.core.errors import ImprintError
from imprint.study.finding import to_json
from imprint.study.tables import read_table


@pytest.fixture(scope="module")
def records():
    random = np.random.default_rng(0)
    x = random.normal(size=(160, 6)).astype(np.float32)
    return x, random.integers(0, 3, 160)


@pytest.fixture(scope="module")
def network(records):
    """A network that knows its 80 members by heart."""
    torch.manual_seed(0)
    x, y = (torch.from_numpy(each[:80]) for each in records)
    made = nn.Sequential(nn.Linear(6, 64), nn.ReLU(), nn.Linear(64, 3))
    optimiser = torch.optim.Adam(made.parameters(), 0.02)
    for _ in range(150):
        optimiser.zero_grad()
        nn.functional.cross_entropy(made(x), y).backward()
        optimiser.step()
    return made


def halves(records):
    x, y = records
    return (x[:80], y[:80]), (x[80:], y[80:])


@pytest.fixture(scope="module")
def result(records, network):
    return imprint.audit(
        network, *halves(records), lenses=["membership", "coverage"], shadows=4,
        train_options={"epochs": 20},
    )  # fmt: skip


def test_members_that_were_learnt_by_heart_are_found(result):
    attacks = result.findings.membership.attacks
    assert attacks["loss"].auc.low > 0.7
    assert {"lira_shrunk", "rmia", "white_box_gradient", "attack_p_curvature"} <= attacks.keys()
    assert result.findings.membership.shadows.count == 4
    assert not [name for name, each in attacks.items() if each.failed_controls]
    assert result.findings.coverage.criteria["nc"].value > 0


def test_every_record_has_what_the_pass_and_the_attacks_say(result, records, network):
    columns = result.columns
    assert (columns["set"] == "members").sum() == (columns["set"] == "non_members").sum() == 80
    with torch.no_grad():
        logits = network(torch.from_numpy(records[0]))
    np.testing.assert_array_equal(columns["prediction"], logits.argmax(1))
    loss = nn.functional.cross_entropy(logits, torch.from_numpy(records[1]), reduction="none")
    np.testing.assert_allclose(columns["loss"], loss, rtol=1e-4, atol=1e-6)
    assert np.isfinite(columns["membership_score"][:80]).all()
    assert np.isnan(columns["membership_score"]).sum() == 40  # the population
    likely = columns["membership_probability"]
    assert np.nanmean(likely[:80]) > 0.5 > np.nanmean(likely[80:])


def test_memorization_is_what_shadow_models_do_with_a_record_less_without(result):
    columns, folder = result.columns, result.study / "membership"
    table = read_table(folder / "memorization.parquet")
    # Labels are random, so models know a record that they were trained on, and guess others.
    assert np.nanmean(columns["memorization"]) > 0.3
    assert (table["models_in"] + table["models_out"] == 4).all()
    np.testing.assert_array_equal(columns["memorization"][table["index"]], table["memorization"])
    assert np.isnan(columns["memorization"]).sum() == 40  # the population


def test_membership_alone_takes_a_live_model(records, network):
    result = membership.audit(network, *halves(records), shadows=0)
    assert result["loss"].auc.low > 0.7
    assert len(result.scores["loss"]) == len(result.members) == 120
    with pytest.raises(ImprintError, match="runs one analysis"):
        membership.audit(network, *halves(records), lenses="all")
    with pytest.raises(ImprintError, match="give out="):
        membership.audit("net.safetensors", "seen", "unseen")


def test_it_prints_its_plan_and_shows_itself_in_a_notebook(result, tmp_path):
    text = str(result)
    assert "plan: " in text
    assert "4 shadow models" in text
    assert "<table" in result._repr_html_()
    assert result.figures()
    page = result.report(tmp_path / "deep" / "out.html").read_text()
    assert 'id="membership-result"' in page
    assert 'id="coverage' in page


def test_every_analysis_of_a_network_on_rows_has_typed_findings(records, network):
    analysis = {"leave_one_out": {"members": 20, "tests": 5}, "coverage": {"criteria": ("nc",)}}
    whole = imprint.audit(network, *halves(records), shadows=0, budget="20s", analysis=analysis)
    findings = whole.findings
    assert vars(findings).keys() == {"membership", "leave_one_out", "coverage"}
    assert "images" in whole.content["not_run"]["dejavu"]
    assert findings.leave_one_out.fit.records == 80
    assert np.isfinite(whole.columns["leave_one_out_kl"]).sum() == 80
    assert 'id="leave-one-out' in whole.report(whole.study / "copy.html").read_text()


def test_figures_are_also_by_class_group_and_prediction(records, network):
    x, y = records
    groups = np.array(["north", "south"])[np.arange(160) % 2]
    sets = [
        {"inputs": x[part], "targets": y[part], "groups": groups[part]}
        for part in (slice(80), slice(80, 160))
    ]
    found = imprint.audit(network, *sets, lenses="membership", shadows=0).findings
    slices = found.membership.slices
    assert set(slices.groupings) == {"class", "group", "prediction"}
    assert set(slices.groupings["group"]) == {"north", "south"}


def test_nothing_is_written_unless_asked_and_the_same_audit_is_the_same_bytes(
    records, network, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    options = {"lenses": "membership", "shadows": 0}
    first = imprint.audit(network, *halves(records), **options)
    assert not list(tmp_path.iterdir())
    again = imprint.audit(network, *halves(records), out=tmp_path / "kept", **options)
    assert to_json(first.findings.membership) == to_json(again.findings.membership)
    stored = json.loads((tmp_path / "kept" / "summary.json").read_text())
    assert stored["lenses"] == first.content["lenses"]


def test_non_members_that_copy_members_are_left_out(records, network):
    members, others = halves(records)
    copied = tuple(
        np.concatenate([part, own[:5]]) for part, own in zip(others, members, strict=True)
    )
    options = {"lenses": "membership", "shadows": 0}
    warnings = imprint.audit(network, members, copied, **options).findings.membership.warnings
    assert "5 of them were listed as non-members" in " ".join(warnings)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lenses": ["tarot"]}, "unknown lens 'tarot'"),
        ({"budget": "soon"}, "90s, 10m or 2h"),
        ({"analysis": {"membership": {"luck": 1}}}, "no setting 'luck'"),
        ({"analysis": {"astrology": {}}}, "no settings of an analysis 'astrology'"),
        ({"train_options": {"epochs": 0}}, "at least 1"),
        ({"checkpoints": [3]}, "checkpoint 0 is int"),
        ({"checkpoints": [{}]}, "does not fit the model"),
    ],
)
def test_mistakes_end_in_one_sentence(records, network, changes, message):
    with pytest.raises(ImprintError, match=message):
        imprint.audit(
            network, *halves(records), **{"lenses": "membership", "shadows": 0, **changes}
        )


def test_a_function_without_a_trainer_has_no_shadow_models(records):
    def model(x):
        return np.stack([x[:, 0], x[:, 1], x[:, 2]], axis=1)

    with pytest.raises(ImprintError, match="how the model is trained"):
        imprint.audit(model, *halves(records), lenses="membership", shadows=4)
    found = imprint.audit(model, *halves(records), lenses="membership")
    assert "rmia" in found.findings.membership.skipped
    assert "how the model is trained is not known" in str(found)


@pytest.mark.parametrize(("seconds", "words"), [(0.3, "under 1 s"), (61, "61 s"), (7300, "2 h")])
def test_durations_are_spelled(seconds, words):
    assert spell_seconds(seconds) == words


@pytest.mark.parametrize(
    "options",
    [
        {"budget": None},
        {"budget": True},
        {"budget": 0.0},
        {"budget": float("nan")},
        {"shadows": "3"},
        {"records": 1.5},
        {"seed": None},
    ],
)
def test_options_of_another_type_are_one_sentence(records, network, options):
    with pytest.raises(ImprintError, match="must be"):
        imprint.audit(network, *halves(records), **options)


def test_a_budget_may_be_a_number_of_seconds(records, network):
    options = {"lenses": "membership", "shadows": 0}
    result = imprint.audit(network, *halves(records), budget=20, **options)
    assert result.plan.budget == 20
