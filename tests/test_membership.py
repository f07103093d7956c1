"""The public namespace of the membership lens."""

import inspect
import subprocess
import sys

import numpy as np
import pytest
import torch

from imprint import membership
from imprint.core.errors import ImprintError
from imprint.lenses.membership.attack_kit.attack import ATTACKS, Evidence
from imprint.lenses.membership.cohort.references import Cohort, References
from tests.lenses.membership.signal_files import RECORDS, arrays


@pytest.fixture(scope="module")
def result():
    return membership.attack(**arrays(), attacks=["lira", "rmia", "loss"])


def test_every_attack_can_be_called_by_its_name():
    for name in ATTACKS.names():
        assert name in membership.__all__
        function = getattr(membership, name)
        assert function.__name__ == name
        assert inspect.getdoc(function).startswith(membership.list_attacks()[name][:20])
    with pytest.raises(AttributeError, match="no attribute 'lyra'"):
        _ = membership.lyra


def test_scores_of_one_attack_are_those_among_all(result):
    own = arrays()
    names = ("target", "signals", "members", "population", "population_signals")
    given = {name: own[name] for name in names}
    np.testing.assert_array_equal(membership.rmia(**given), result.scores["rmia"])
    np.testing.assert_array_equal(membership.loss(own["target"]), result.scores["loss"])
    other = membership.rmia(**given, gamma=3.0)
    assert (other <= membership.rmia(**given)).all()


def test_a_missing_axis_of_views_is_one_view():
    own = arrays()
    plain = {name: own[name][..., 0, :] for name in ("target", "signals")}
    views = {name: own[name][..., :1, :] for name in ("target", "signals")}
    scores = [membership.lira(**each, members=own["members"]) for each in (plain, views)]
    np.testing.assert_array_equal(*scores)
    cohort = Cohort({"phi": views["signals"].astype(float)}, own["members"])
    evidence = Evidence({"phi": views["target"].astype(float)}, References(cohort))
    np.testing.assert_array_equal(scores[0], ATTACKS.get("lira").score(evidence))


def test_signals_of_another_kind_are_read_as_such():
    assert membership.label_only([0.5, np.float64(0.2)]).tolist() == [0.5, 0.2]
    assert membership.white_box_trace([1.0, 2.0]).tolist() == [-1.0, -2.0]
    assert membership.attack_p(
        [-3.0, 0.0], population=[-2.0, -1.0, 1.0, 2.0], signal="log_curvature"
    ).tolist() == [1.0, 0.5]


def test_a_result_prints_as_a_table_and_gives_findings_scores_and_exposure(result):
    assert str(result).splitlines()[0] == "Membership inference attacks"
    assert result["lira"].auc.n == RECORDS
    assert result["lira"].auc.low > 0.65
    assert result.best in ("lira", "rmia")
    exposed = result.exposure()
    assert result.members[exposed.order].all()
    assert "<table" in result._repr_html_()
    assert {row["attack"] for row in result.to_records()} == {"lira", "rmia", "loss"}


def test_a_result_draws_its_roc(result):
    figure = result.plot()
    assert figure.axes[0].get_xscale() == "log"


def test_settings_reach_their_attack():
    own = arrays()
    changed = membership.attack(**own, attacks="rmia", settings={"rmia": {"gamma": 8.0}})
    plain = membership.attack(**own, attacks="rmia", controls=False)
    assert (changed.scores["rmia"] <= plain.scores["rmia"]).all()
    assert plain["rmia"].controls is None
    assert changed["rmia"].controls is not None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"attacks": "lyra"}, "unknown attack 'lyra'"),
        (
            {"settings": {"rmia": {"alpha": 1}}},
            "attack 'rmia' has no option 'alpha'; it has: gamma",
        ),
        ({"settings": {"loss": {"alpha": 1}}}, "attack 'loss' has no option 'alpha'; it has: none"),
        ({"settings": {"rmia": {"gamma": -1.0}}}, "gamma must be above 0, got -1"),
        ({"members": None}, "signals needs members beside it"),
        ({"target": np.zeros(7)}, r"target has shape \[1, 7\], expected \[A, 300\]"),
        ({"colour": np.zeros(7)}, "unknown array 'colour'"),
    ],
)
def test_what_does_not_fit_is_an_error(changes, message):
    with pytest.raises(ImprintError, match=message):
        membership.attack(**{**arrays(), **changes})


def test_curve_area_and_rate_of_four_scores():
    scores, members = [0.9, 0.8, 0.3, 0.1], [True, False, True, False]
    assert membership.auc(scores, members).value == 0.75
    assert membership.roc(scores, members).fpr.tolist() == [0, 0, 0.5, 0.5, 1]
    rate = membership.tpr_at_fpr(np.arange(200.0), np.arange(200) >= 100, 0.1)
    assert rate.value == 1.0
    with pytest.raises(ImprintError, match=r"FPR must be in \(0, 1\), got 2"):
        membership.tpr_at_fpr(scores, members, 2)
    with pytest.raises(ImprintError, match="scores and members must be of one length"):
        membership.auc(scores, members[:3])


def test_the_documentation_of_an_attack_names_its_settings_with_their_ranges():
    text = inspect.getdoc(membership.rmia)
    assert "gamma: float, above 0, " in text
    assert "slope: float, in [0, 1], " in text
    assert "Raises:" in text


def test_importing_the_package_alone_imports_no_lens():
    code = "import sys, imprint; sys.exit('numpy' in sys.modules or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_tensors_with_gradients_are_signals() -> None:
    scores, members = [0.9, 0.8, 0.3, 0.1, 0.2, 0.7], [1, 0, 1, 0, 0, 1]
    tensor = torch.tensor(scores, requires_grad=True)
    assert membership.auc(tensor, members).value == membership.auc(scores, members).value
    assert membership.rmia(
        tensor, signals=[scores] * 4, members=[members, members[::-1]] * 2, population=tensor
    ).shape


@pytest.mark.parametrize(
    ("scores", "members", "message"),
    [
        (["low", "high"], [1, 0], "scores must hold numbers"),
        ([None, 1.0], [1, 0], "scores must hold numbers"),
        ([1j, 1.0], [1, 0], "scores must hold numbers"),
        ([0.5, 1.0], [[1], [0, 1]], "members must be an array"),
        ([0.5, 1.0], ["in", "out"], "members bool"),
    ],
)
def test_scores_that_are_no_numbers_are_refused(scores, members, message) -> None:
    with pytest.raises(ImprintError, match=message):
        membership.auc(scores, members)


def test_slices_of_a_result_are_those_given_to_the_attack(result) -> None:
    count = len(result.members)
    groups = np.array(["a", "b"])[np.arange(count) % 2]
    found = result.slices(groups, attack="loss")
    assert set(found.groupings) == {"group"}
    assert set(found.groupings["group"]) == {"a", "b"}
    assert "loss by group" in str(found)
    given = membership.attack(
        **arrays(), attacks=["loss"], controls=False, groups={"site": groups}, labels=groups
    )
    assert list(given.findings.slices.groupings) == ["class", "site"]
    first, second = given.findings.slices.groupings.values()
    assert first["a"].auc == second["a"].auc == found.groupings["group"]["a"].auc
    assert given.slices(attack="loss").groupings.keys() == {"class", "site"}
    assert "loss by site" in str(given)
    assert given.to_records(1)[0]["slice"] in ("a", "b")


def test_slices_need_columns_that_fit(result) -> None:
    with pytest.raises(ImprintError, match="no slices: give groups, labels or correct"):
        result.slices()
    with pytest.raises(ImprintError, match="no scores of 'lyra': choose one of"):
        result.slices(np.zeros(len(result.members), int), attack="lyra")
    with pytest.raises(ImprintError, match="has a name that is taken"):
        result.slices({"class": ["a"]})
    with pytest.raises(ImprintError, match="one flag for each"):
        result.slices(correct=[2.0])


def test_rows_left_out_as_copies_leave_their_group(result) -> None:
    target = np.array([1.0, 2.0, 2.0, 0.5, 0.1, 0.2])
    members = np.array([True, True, True, False, False, False])
    index = [7, 8, 8, 9, 10, 11]
    found = membership.attack(
        target, members, index=index, attacks="loss", groups=list("abcdef"), controls=False
    )
    slices = found.findings.slices.groupings["group"]
    assert [slices[name].members + slices[name].non_members for name in "abcdef"] == [
        *(1, 1, 0, 1, 1, 1)
    ]


def test_probabilities_and_roc_points_of_a_result(result) -> None:
    even, rare = result.probabilities(attack="loss"), result.probabilities(0.01, attack="loss")
    assert even.shape == result.members.shape
    np.testing.assert_allclose(rare, even * 0.01 / (even * 0.01 + (1 - even) * 0.99))
    order = np.argsort(result.scores["loss"])
    assert np.all(np.diff(even[order]) >= 0)
    points = result.roc_table()
    assert set(points.attack) == set(result.scores)
    assert "ROC points" in str(points)
