import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tests.lenses.membership.slow_forms as slow
from imprint.core.errors import ImprintError
from imprint.lenses.membership.attack.attack import ATTACKS, Evidence
from imprint.lenses.membership.attack.options import AttackOptions
from imprint.lenses.membership.cohort.references import Cohort, References
from imprint.stats import auc

NAMES = [
    *("attack_p", "attack_r", "base", "curvature_lr", "curvature_nll", "label_only", "lira"),
    *("lira_fixed", "lira_offline", "lira_shrunk", "loss", "mast", "mentr", "multi", "quantile"),
    *("rmia", "watson", "white_box_gradient", "white_box_trace"),
]
MODELS, AUGMENTATIONS, RECORDS, POPULATION = 10, 2, 13, 17


def make(seed, models=MODELS, records=RECORDS, gap=1.0, augmentations=AUGMENTATIONS, target=None):
    random = np.random.default_rng(seed)
    members = np.argsort(random.random((models, records)), axis=0) < models // 2
    place = random.normal(0, 2, size=records)
    signals = random.normal(size=(models, augmentations, records)) + place + gap * members[:, None]
    inside = random.random(records) < 0.5
    own = random.normal(size=(augmentations, records)) + place + gap * inside
    where = random.normal(0, 2, size=POPULATION if records == RECORDS else records)
    population = random.normal(size=(models + 1, augmentations, len(where))) + where
    both = lambda values: {"phi": values, "log_curvature": values}  # noqa: E731
    cohort = Cohort(both(signals), members, both(population[1:]))
    evidence = Evidence(of_target(own), References(cohort), both(population[0]))
    if target is not None:
        evidence = Evidence(
            of_target(signals[target]), References(cohort, target), both(population[1 + target])
        )
        inside = members[target]
    return evidence, inside


def of_target(values):
    """Return one array as every kind of signal; distances and norms are not negative."""
    above, below = np.logaddexp(0, values), np.logaddexp(0, -values)
    return {
        "phi": values,
        "log_curvature": values,
        "distance": above,
        "trace": below,
        "parameter_gradient": below,
    }


def score(name, evidence, **options):
    return ATTACKS.get(name).score(evidence, AttackOptions(**options))


def each_record(evidence, form):
    judges = evidence.references
    cohort = judges.cohort
    values = evidence.target["phi"]
    return [
        form(slow.Slow(cohort.signals["phi"], cohort.members, judges.used, values, record))
        for record in range(values.shape[1])
    ]


def test_there_is_one_file_for_every_attack_of_the_list():
    assert ATTACKS.names() == NAMES


@pytest.mark.parametrize(
    ("name", "options", "form"),
    [
        ("lira", {}, slow.lira),
        ("curvature_lr", {}, slow.lira),
        ("lira_offline", {}, slow.lira_offline),
        ("lira_offline", {"two_sided": True}, slow.lira_offline_two_sided),
        ("curvature_nll", {}, slow.curvature_nll),
        ("curvature_nll", {"legacy": True}, slow.curvature_nll_legacy),
        ("curvature_lr", {"legacy": True}, slow.curvature_lr_legacy),
        ("mast", {}, slow.mast),
        ("watson", {}, slow.watson),
        ("attack_r", {}, slow.attack_r),
        ("attack_r", {"reference_quantile": 0.4}, lambda one: slow.attack_r(one, 0.4)),
        ("base", {}, slow.base),
        ("base", {"offline": True}, slow.base_offline),
    ],
)
@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000), target=st.sampled_from([None, 0, 7]))
def test_scores_are_those_of_the_formula(name, options, form, seed, target):
    evidence, _ = make(seed, target=target)
    np.testing.assert_allclose(
        score(name, evidence, **options), each_record(evidence, form), rtol=1e-7, atol=1e-10
    )


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000), target=st.sampled_from([None, 4]))
def test_fixed_variance_is_the_pooled_one_of_each_side(seed, target):
    evidence, _ = make(seed, target=target)
    judges = evidence.references
    sides = {True: [], False: []}
    for record in range(RECORDS):
        for side in sides:
            chosen = judges.used[:, record] & (judges.cohort.members[:, record] == side)
            sides[side].append(judges.cohort.signals["phi"][chosen, :, record])
    log = {}
    for side, records in sides.items():
        squares = sum(((models - models.mean(axis=0)) ** 2).sum(axis=0) for models in records)
        spread = np.sqrt(squares / sum(len(models) - 1 for models in records))
        mean = np.array([models.mean(axis=0) for models in records]).T
        log[side] = slow.norm.logpdf(evidence.target["phi"], mean, spread[:, None])
    np.testing.assert_allclose(
        score("lira_fixed", evidence), (log[True] - log[False]).mean(axis=0), rtol=1e-7, atol=1e-10
    )


@pytest.mark.parametrize("offline", [False, True])
@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 10_000), target=st.sampled_from([None, 2]), gamma=st.sampled_from([1, 2])
)
def test_rmia_counts_the_population_records_it_beats(offline, seed, target, gamma):
    evidence, _ = make(seed, target=target)
    judges, slope = evidence.references, 0.3 if offline else None
    models = np.delete(np.arange(MODELS), [] if target is None else [target])
    population = judges.cohort.population["phi"][models]
    others = [
        slow.rmia_ratio(evidence.population["phi"][:, z], population[:, :, z], slope)
        for z in range(POPULATION)
    ]
    form = lambda one: slow.rmia(  # noqa: E731
        slow.rmia_ratio(one.target, one.outs if offline else one.all, slope), others, gamma
    )
    assert score("rmia", evidence, offline=offline, gamma=gamma).tolist() == pytest.approx(
        each_record(evidence, form)
    )


def test_rmia_without_population_is_the_ratio_itself():
    evidence, _ = make(3)
    bare = Evidence(evidence.target, evidence.references)
    expected = each_record(evidence, lambda one: slow.rmia_ratio(one.target, one.all))
    np.testing.assert_allclose(score("rmia", bare), expected)


def test_attacks_without_references_by_hand():
    phi = {"phi": np.array([[0.0, 2.0, -1.0]])}
    evidence = Evidence(phi, population={"phi": np.array([[-1.0, 0.0, 1.0, 1.5]])})
    expected = [slow.attack_p(x, [-1, 0, 1, 1.5]) for x in (0, 2, -1)]
    assert score("attack_p", evidence).tolist() == expected == [0.375, 1.0, 0.125]
    np.testing.assert_allclose(score("loss", evidence), [-slow.loss(x) for x in (0, 2, -1)])
    two_classes = [-slow.mentr([slow.p(x), 1 - slow.p(x)], 0) for x in (0, 2, -1)]
    np.testing.assert_allclose(score("mentr", evidence), two_classes)
    np.testing.assert_allclose(score("quantile", evidence), phi["phi"][0] - 1.425)


def test_mentr_prefers_the_whole_prediction():
    evidence = Evidence({"phi": np.zeros((1, 3)), "mentr": np.array([[0.1, 0.2, 0.3]])})
    assert score("mentr", evidence).tolist() == [-0.1, -0.2, -0.3]


def test_without_a_boundary_a_record_ties_with_the_farthest():
    for distance, expected in (
        ([0.0, 0.3, np.nan, 1.2], [0.0, 0.3, 1.2, 1.2]),
        ([np.nan, np.nan], [0.0, 0.0]),
    ):
        assert (
            score("label_only", Evidence({"distance": np.array([distance])})).tolist() == expected
        )


def test_low_curvature_counts_as_membership():
    curvature = {"log_curvature": np.array([[-3.0, 0.0]])}
    evidence = Evidence(curvature, population={"log_curvature": np.array([[-2.0, -1.0, 1.0]])})
    assert score("attack_p", evidence).tolist() == [1.0, pytest.approx(1 / 3)]


def test_quantile_regression_leaves_its_share_of_the_population_above():
    evidence, _ = make(5, records=400)
    population = evidence.population
    judges = evidence.references
    outside_only = Cohort(
        judges.cohort.population, np.zeros((MODELS, 400), dtype=bool), judges.cohort.population
    )
    of_population = Evidence(population, References(outside_only), population)
    above = score("quantile", of_population, population_quantile=0.9) > 1e-9
    assert abs(above.sum() - 40) <= 3  # as many residuals are 0 as there are coefficients


def test_legacy_formulas_by_hand():
    # IN models say 1, 3 (mean 2, V = 1), OUT models 0, 4 (mean 2, V = 4); the target says 3.
    signals = np.array([1.0, 3.0, 0.0, 4.0]).reshape(4, 1, 1)
    members = np.array([[True], [True], [False], [False]])
    cohort = Cohort({"log_curvature": signals}, members)
    evidence = Evidence({"log_curvature": np.array([[3.0]])}, References(cohort))
    # exp(-1/2) / 1 against exp(-1/32) / 4.
    ratio = 4 * np.exp(-0.5 + 1 / 32)
    assert score("curvature_lr", evidence, legacy=True)[0] == pytest.approx(ratio, rel=1e-12)
    # σ_in = 1, σ_out = 2: -1/2 + 1/8 + log 2.
    assert score("curvature_lr", evidence)[0] == pytest.approx(-0.375 + np.log(2), rel=1e-12)
    # OUT models say 0, 8 (mean 4), IN models 0, 4 (mean 2, V = 4, σ = 2): (1 - 1)/… is 0 at 3.
    moved = Cohort({"log_curvature": np.array([0.0, 4.0, 0.0, 8.0]).reshape(4, 1, 1)}, members)
    at = Evidence({"log_curvature": np.array([[2.5]])}, References(moved))
    difference = 1.5**2 - 0.5**2
    assert score("curvature_nll", at, legacy=True)[0] == pytest.approx(difference / (2 * 16))
    assert score("curvature_nll", at)[0] == pytest.approx(difference / (2 * 4))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("target", [None, 1])
def test_a_constant_gap_makes_members_score_higher(name, target):
    evidence, members = make(11, models=16, records=600, gap=1.5, target=target)
    scores = score(name, evidence)
    assert auc(scores[members], scores[~members]).ci95[0] > 0.5


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("target", [None, 1])
def test_without_a_gap_every_attack_is_at_chance(name, target):
    evidence, members = make(12, models=8, records=3000, gap=0.0, target=target)
    scores = score(name, evidence)
    area = auc(scores[members], scores[~members])
    spread = (area.ci95[1] - area.ci95[0]) / 4
    assert abs(area.value - 0.5) < 4 * spread


@pytest.mark.parametrize("name", NAMES)
def test_a_target_that_saw_none_of_the_records_is_at_chance(name):
    # The references know how members look; the target has none, and labels are coin tosses.
    evidence, _ = make(13, models=8, records=3000, gap=1.0)
    place = evidence.references.cohort.signals["phi"].mean(axis=0)
    untouched = place - 0.5 + np.random.default_rng(0).normal(size=place.shape)
    scores = score(name, Evidence(of_target(untouched), evidence.references, evidence.population))
    labels = np.random.default_rng(1).random(3000) < 0.5
    area = auc(scores[labels], scores[~labels])
    assert abs(area.value - 0.5) < area.ci95[1] - area.ci95[0]


@pytest.mark.parametrize("models", [1, 2, 3, 4])
@pytest.mark.parametrize("seed", range(5))
def test_few_models_give_numbers_or_a_reason(models, seed):
    random = np.random.default_rng(seed)
    phi = random.normal(size=(models, 2, 30)) * 4
    own = phi[0] + random.normal(size=(2, 30))
    both = {"phi": phi, "log_curvature": phi}
    members = random.random((models, 30)) < 0.5
    evidence = Evidence(of_target(own), References(Cohort(both, members, both)), {"phi": own})
    for name in NAMES:
        if ATTACKS.get(name).missing(evidence) is None:
            assert np.isfinite(score(name, evidence)).all(), name
        else:
            assert models == 1


@pytest.mark.parametrize("name", NAMES)
def test_signals_that_never_change_are_no_evidence(name):
    random = np.random.default_rng(0)
    constant = {"phi": np.full((6, 1, 9), 0.3), "log_curvature": np.full((6, 1, 9), 0.3)}
    members = random.random((6, 9)) < 0.5
    one = {kind: values[0] for kind, values in constant.items()}
    target = of_target(one["phi"])
    evidence = Evidence(target, References(Cohort(constant, members, constant)), one)
    scores = score(name, evidence)
    if name in ("lira_shrunk", "multi"):  # counts of models differ, and with them the tails
        assert np.abs(scores).max() < 1e-5
    else:
        assert auc(scores[:4], scores[4:]).value == 0.5


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("loss", {"target": {}}, "needs the signal phi, which is not given"),
        ("curvature_lr", {"target": {"phi": np.zeros((1, 3))}}, "needs the signal log_curvature"),
        ("attack_p", {"population": {}}, "needs population records, which are not given"),
        ("lira", {"references": None}, "needs reference models, and there are none"),
    ],
)
def test_what_is_missing_is_told(name, change, reason):
    evidence, _ = make(0)
    parts = {key: getattr(evidence, key) for key in ("target", "references", "population")}
    lacking = Evidence(**{**parts, **change})
    assert ATTACKS.get(name).missing(lacking).startswith(reason)
    with pytest.raises(ImprintError, match=reason):
        score(name, lacking)


def test_sides_that_no_record_has_are_told():
    phi = {"phi": np.random.default_rng(0).normal(size=(3, 1, 4))}
    one = {"phi": phi["phi"][0]}
    every = Evidence(one, References(Cohort(phi, np.ones((3, 4), dtype=bool))))
    none = Evidence(one, References(Cohort(phi, np.zeros((3, 4), dtype=bool))))
    single = Evidence(one, References(Cohort({"phi": phi["phi"][:1]}, np.eye(1, 4) > 0)))
    assert "every reference was trained on every record" in ATTACKS.get("watson").missing(every)
    assert "no reference was trained on any record" in ATTACKS.get("mast").missing(none)
    assert ATTACKS.get("lira_offline").missing(none) is None
    assert "no record has two models on one side" in ATTACKS.get("lira").missing(single)
    assert ATTACKS.get("base").missing(single) is None


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("rmia", {"gamma": 0.0}, "gamma 0 must be above 0"),
        ("rmia", {"gamma": float("nan")}, "gamma nan must be above 0"),
        ("rmia", {"gamma": float("inf")}, "gamma inf must be above 0"),
        ("base", {"offline_weight": float("nan")}, "offline_weight nan must lie"),
        ("rmia", {"offline_slope": 1.5}, r"offline_slope 1.5 must lie in \[0, 1\]"),
        ("attack_r", {"reference_quantile": -1}, r"reference_quantile -1 must lie in \[0, 1\]"),
        ("quantile", {"population_quantile": 1}, r"population_quantile 1 must lie in \(0, 1\)"),
    ],
)
def test_settings_out_of_range_are_told(name, options, message):
    evidence, _ = make(0)
    with pytest.raises(ImprintError, match=message):
        score(name, evidence, **options)
