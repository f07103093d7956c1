"""What the public namespaces return, recomputed from the definitions by plain NumPy and SciPy."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter

import numpy as np
import pytest
from scipy import optimize, stats

from imprint import coverage, dejavu, leave_one_out, membership
from imprint.cli import main
from imprint.study.finding import to_json

SEEDS = (0, 1)


def draw(seed, *purpose):
    """The generator of a purpose, as the documentation of seeds defines it."""
    key = "\x1f".join(map(str, (seed, *purpose))).encode()
    digest = hashlib.blake2b(key, digest_size=8).digest()
    return np.random.Generator(np.random.Philox(int.from_bytes(digest, "little") >> 1))


def close(actual, expected, tolerance=1e-9):
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


# Membership


def signals(seed, models=12, views=2, records=70, population=47):
    random = np.random.default_rng(seed)
    difficulty, elsewhere = random.normal(0, 2, records), random.normal(0, 2, population)
    members = random.random((models, records)) < 0.5
    members[:2] = [[True], [False]]  # no record without a model of either side
    inside = random.random(records) < 0.5
    noise = random.normal(size=(models + 1, views, records))
    outside = random.normal(size=(models + 1, views, population)) + elsewhere
    return {
        "target": noise[0] + difficulty + 1.5 * inside,
        "target_members": inside,
        "signals": noise[1:] + difficulty + 1.5 * members[:, None],
        "members": members,
        "population": outside[0],
        "population_signals": outside[1:],
    }


def log_normal(x, mean, variance):
    return -0.5 * (x - mean) ** 2 / variance - 0.5 * np.log(2 * np.pi * variance)


def probability(phi):
    return 1 / (1 + np.exp(-phi))


def moments(values, members):
    """Means and variances ``[2, A, N]`` of OUT and IN, and pooled variances ``[2, A, 1]``."""
    _, views, records = values.shape
    mean, variance = np.full((2, 2, views, records), np.nan)
    pooled = np.zeros((2, views, 1))
    for side in (0, 1):
        of_side = [values[members[:, i] == side, :, i] for i in range(records)]
        squares = sum(((x - x.mean(0)) ** 2).sum(0) for x in of_side if len(x))
        pooled[side, :, 0] = squares / sum(max(len(x) - 1, 0) for x in of_side)
        for i, x in enumerate(of_side):
            variance[side, :, i] = x.var(0) if len(x) > 1 else pooled[side, :, 0]
            mean[side, :, i] = x.mean(0)
    return mean, variance, pooled


def expected_scores(a, sign):
    """Scores by attack and its settings; ``sign`` is −1 for log-curvatures."""
    target, values, members = a["target"], a["signals"], a["members"]
    population, of_population = a["population"], a["population_signals"]
    (out, inside), (var_out, var_in), pooled = moments(values, members)

    def ratio(of_in, of_out):
        return (log_normal(target, inside, of_in) - log_normal(target, out, of_out)).mean(0)

    regressors = [np.ones(len(population[0])), sign * of_population[:, 0].mean(0)]
    features = np.stack([*regressors, of_population[:, 0].std(0)], axis=1)
    count = len(features)
    cost = np.concatenate([np.zeros(3), np.full(count, 0.95), np.full(count, 0.05)])
    equations = np.hstack([features, np.eye(count), -np.eye(count)])
    bounds = [(None, None)] * 3 + [(0, None)] * (2 * count)
    weights = optimize.linprog(cost, A_eq=equations, b_eq=sign * population[0], bounds=bounds).x
    predicted = weights[0] + weights[1] * sign * out[0] + weights[2] * np.sqrt(var_out[0])
    scores = {
        ("lira",): ratio(var_in, var_out),
        ("lira_fixed",): ratio(pooled[1], pooled[0]),
        ("lira_offline",): sign * ((target - out) / np.sqrt(var_out)).mean(0),
        ("lira_offline", ("two_sided", True)): -log_normal(target, out, var_out).mean(0),
        ("attack_p",): [np.mean(sign * population[0] < sign * x) for x in target[0]],
        ("quantile",): sign * target[0] - predicted,
    }
    if sign < 0:
        distance = (target - out) ** 2 - (target - inside) ** 2
        published = ("published_formulas", True)
        densities = [
            stats.norm.pdf(target, mean, variance).sum(0)
            for mean, variance in ((inside, var_in), (out, var_out))
        ]
        return scores | {
            ("curvature_lr",): scores["lira",],
            ("curvature_lr", published): densities[0] / (densities[1] + 1e-22),
            ("curvature_nll",): (distance / (2 * var_in)).sum(0),
            ("curvature_nll", published): (distance / (2 * var_in**2)).sum(0),
        }
    loss, losses = -np.log(probability(target[0])), -np.log(probability(values[:, 0]))
    records = range(len(loss))
    mean_out, mean_in = (
        np.array([losses[members[:, i] == side, i].mean() for i in records]) for side in (0, 1)
    )
    least = np.array([np.quantile(losses[~members[:, i], i], 1e-4) for i in records])
    p, of_models = probability(target), probability(values)
    everyone = of_models.mean(0)
    strangers = np.stack([of_models[~members[:, i], :, i].mean(0) for i in records], axis=1)

    def beaten(gamma, mean, mean_population):
        own = np.log(p / mean).mean(0)
        others = np.log(probability(population) / mean_population).mean(0)
        return [np.mean(np.exp(x - others) > gamma) for x in own]

    outside = probability(of_population).mean(0)
    offline = (0.5 * (1.7 * mean + 0.3) for mean in (strangers, outside))
    return scores | {
        ("loss",): -loss,
        ("mentr",): 2 * (1 - p[0]) * np.log(p[0]),
        ("mast",): (mean_in + mean_out) / 2 - loss,
        ("watson",): mean_out - loss,
        ("attack_r",): least - loss,
        ("base",): np.log(p / everyone).mean(0),
        ("base", ("offline", True), ("weight", 0.7)): (np.log(p) - 0.7 * np.log(strangers)).mean(0),
        ("rmia",): beaten(2, everyone, outside),
        ("rmia", ("offline", True), ("slope", 0.7), ("gamma", 1.1)): beaten(1.1, *offline),
    }


def area(scores, members):
    ahead = scores[members][:, None] - scores[~members]
    return np.mean((ahead > 0) + 0.5 * (ahead == 0))


def held_out_accuracy(scores, members, seed):
    random = draw(seed, "halves for balanced accuracy")
    (hit, held_hit), (miss, held_miss) = (
        np.split(random.permutation(part), [len(part) // 2])
        for part in (scores[members], scores[~members])
    )
    thresholds = np.sort([np.inf, *hit, *miss])[::-1]
    gain = [np.mean(hit >= each) - np.mean(miss >= each) for each in thresholds]
    best = thresholds[np.argmax(gain)]
    return (np.mean(held_hit >= best) + np.mean(held_miss < best)) / 2


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("signal", "sign"), [("phi", 1), ("log_curvature", -1)])
def test_attacks_are_those_of_models_gathered_record_by_record(seed, signal, sign):
    arrays = signals(seed)
    members = arrays["target_members"]
    for (name, *settings), expected in expected_scores(arrays, sign).items():
        chosen = {"attacks": name, "settings": {name: dict(settings)}}
        result = membership.attack(**arrays, signal=signal, **chosen, seed=seed)
        close(result.scores[name], expected)
        scores, finding = result.scores[name], result[name]
        close(finding.auc.value, area(scores, members))
        close(finding.balanced_accuracy.value, held_out_accuracy(scores, members, seed))
        false = [np.mean(scores[~members] >= each) for each in scores]
        if np.count_nonzero(~members) < 50:
            assert "expected false positive" in finding.tpr_at_fpr["0.1"].missing
            continue
        allowed = [
            np.mean(scores[members] >= s) for s, f in zip(scores, false, strict=True) if f <= 0.1
        ]
        close(finding.tpr("0.1").value, max(allowed, default=0))


def test_tpr_at_an_fpr_is_the_best_over_all_thresholds():
    for seed in range(20):
        random = np.random.default_rng(seed)
        members = random.random(150) < 0.4
        scores = np.round(random.normal(size=150) + members, 1 + seed % 3)
        allowed = [
            0.0,
            *(
                np.mean(scores[members] >= s)
                for s in scores
                if np.mean(scores[~members] >= s) <= 0.1
            ),
        ]
        close(membership.tpr_at_fpr(scores, members, 0.1).value, max(allowed))


def test_controls_shuffle_membership_and_swap_the_target():
    arrays = signals(3)
    members = arrays["target_members"]
    controls = membership.attack(**arrays, attacks="watson", seed=5)["watson"].controls
    order = draw(5, "permuted membership", "watson").permutation(len(members))
    shuffled = expected_scores({**arrays, "members": arrays["members"][:, order]}, 1)["watson",]
    close(controls["permuted_membership"].value.value, area(shuffled, members[order]))
    row = int(draw(5, "swapped target", "watson").integers(12))
    rest = np.arange(12) != row
    swapped = {
        **arrays,
        "target": arrays["signals"][row],
        "signals": arrays["signals"][rest],
        "members": arrays["members"][rest],
    }
    close(
        controls["swapped_target"].value.value,
        area(expected_scores(swapped, 1)["watson",], members),
    )


def test_rows_of_one_name_count_once():
    arrays = signals(4)
    rows = np.append(np.arange(70), [3, 3, 17])
    of_records = ("target", "target_members", "signals", "members")
    copied = {name: a[..., rows] if name in of_records else a for name, a in arrays.items()}
    once = membership.attack(**arrays, attacks="lira")
    named_rows = membership.attack(**copied, attacks="lira", index=rows)
    close(named_rows.scores["lira"], once.scores["lira"])
    assert len(membership.attack(**copied, attacks="lira").scores["lira"]) == 73  # taken for ties


def one_run_p_value(canaries, guesses, correct, epsilon, delta):
    """Theorem 5.2 of Steinke et al. 2023, term by term."""
    share = probability(epsilon)
    mass = [
        math.comb(guesses, k) * share**k * (1 - share) ** (guesses - k) for k in range(guesses + 1)
    ]
    slopes = [2 / i * math.fsum(mass[correct - i : correct]) for i in range(1, correct + 1)]
    return math.fsum(mass[correct:]) + delta * canaries * max(slopes)


def clopper_pearson(hits, count, tail):
    """Lower bound at ``tail``, and upper bound."""
    low = stats.beta.ppf(tail, hits, count - hits + 1) if hits else 0.0
    return low, stats.beta.ppf(1 - tail, hits + 1, count - hits) if hits < count else 1.0


@pytest.mark.parametrize("seed", range(6))
def test_bounds_on_epsilon_are_those_of_exact_tails(seed):
    random = np.random.default_rng(seed)
    members = random.random(120) < 0.5
    scores = random.normal(size=120) + 3 * members
    order, counts = np.argsort(scores), (36, 24)
    correct = int(members[order[-36:]].sum() + (~members[order[:24]]).sum())
    for delta in (0.0, 1e-4):
        bound = membership.bound_epsilon(scores, members, budget=(0.3, 0.2), delta=delta)
        assert (bound.guesses, bound.correct) == (sum(counts), correct)
        assert one_run_p_value(120, 60, correct, bound.epsilon, delta) == pytest.approx(0.05)
    for delta in (0.0, 1e-5):
        bound = membership.bound_epsilon(scores, members, runs="many", threshold=1.5, delta=delta)
        called = scores >= 1.5
        tpr, _ = clopper_pearson(called[members].sum(), members.sum(), 0.025)
        _, fpr = clopper_pearson(called[~members].sum(), (~members).sum(), 0.025)
        expected = max(math.log((tpr - delta) / fpr), math.log((1 - delta - fpr) / (1 - tpr)))
        close(bound.epsilon, expected)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", [bool, float])
def test_memorization_and_influence_are_differences_of_means(seed, kind):
    random = np.random.default_rng(seed)
    members, correct = random.random((20, 9)) < 0.5, random.random((20, 9))
    tests = random.random((20, 4))
    if kind is bool:
        correct, tests = correct < 0.6, tests < 0.6
    result, influence = (
        membership.memorization(correct, members),
        membership.influence(tests, members),
    )
    for i in range(9):
        inside, outside = (correct[members[:, i] == side, i] for side in (True, False))
        close(result.score[i], inside.mean() - outside.mean())
        smoothed = [((x.sum() + 1) / (len(x) + 2), len(x) + 2) for x in (inside, outside)]
        close(result.error[i] ** 2, sum(p * (1 - p) / count for p, count in smoothed))
        gap = tests[members[:, i]].mean(0) - tests[~members[:, i]].mean(0)
        close(influence[:, i], gap)


# Leave-one-out

NOISE = 0.2


def rbf(x, z):
    return np.exp(-3 * ((x[:, None] - z[None]) ** 2).mean(2))


def relu_network(x, z):
    """Arc-cosine recursion of 3 hidden layers, weights 1.3, biases 0.3."""

    def affine(k):
        return 1.69 * k + 0.09

    k, p, q = (affine(k) for k in (x @ z.T / x.shape[1], (x * x).mean(1), (z * z).mean(1)))
    for _ in range(3):
        size = np.sqrt(np.outer(p, q))
        angle = np.arccos(np.clip(k / size, -1, 1))
        k = affine(size * (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / (2 * np.pi))
        p, q = affine(p / 2), affine(q / 2)
    return k


def law(kernel, x, targets, queries):
    """Means ``[q, c]`` and covariance ``[q, q]`` of a fit."""
    cross = kernel(queries, x)
    solved = np.linalg.solve(kernel(x, x) + NOISE * np.eye(len(x)), cross.T).T
    return solved @ targets, kernel(queries, queries) - solved @ cross.T


def divergence(first, second):
    """KL(first ‖ second) of means ``[k, c]`` and one covariance ``[k, k]`` a column."""
    (mean, covariance), (other, reference) = first, second
    inverse, shift = np.linalg.inv(reference), mean - other
    logs = np.linalg.slogdet(reference)[1] - np.linalg.slogdet(covariance)[1]
    spread = np.trace(inverse @ covariance) - len(mean) + logs
    return 0.5 * (mean.shape[1] * spread + np.trace(shift.T @ inverse @ shift))


def at(prediction, place):
    return prediction[0][[place]], prediction[1][[place]][:, [place]]


def best_auc(without, within):
    """P(a draw of *in* is nearer to the centre of the likelihood ratio than one of *out*)."""
    (mean_out, var_out), (mean_in, var_in) = ((m[0], v[0, 0]) for m, v in (without, within))
    centre = (mean_in / var_in - mean_out / var_out) / (1 / var_in - 1 / var_out)
    near, far = (
        stats.ncx2(len(centre), ((mean - centre) ** 2).sum() / variance)
        for mean, variance in ((mean_in, var_in), (mean_out, var_out))
    )
    nodes, weights = np.polynomial.legendre.leggauss(200)
    angle = (nodes + 1) * np.pi / 4
    quantiles = near.ppf(np.sin(angle) ** 2) * var_in / var_out
    return float((weights * np.sin(2 * angle) * far.sf(quantiles)).sum() * np.pi / 4)


KERNELS = [
    (rbf, leave_one_out.kernel("rbf", gamma=3.0)),
    (relu_network, leave_one_out.kernel("fc", depth=3, w_std=1.3, b_std=0.3)),
]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("kernel", "fitted"), KERNELS)
def test_leave_one_out_is_that_of_refits(seed, kernel, fitted):
    random = np.random.default_rng(seed)
    x, queries = random.normal(size=(18, 4)), random.normal(size=(3, 4))
    labels, wanted = np.arange(18) % 3, [0, 2, 1]
    x[5], labels[5] = x[2], labels[2]
    targets = np.eye(3)[labels] - 1 / 3
    fit = leave_one_out.fit(x, labels, kernel=fitted, noise=NOISE)
    measures = fit.query(queries, wanted).measures
    at_queries = law(kernel, x, targets, queries)
    for i in range(18):
        rest = (x != x[i]).any(1)  # without exact copies either
        within = law(kernel, x, targets, x[[i]])
        without = law(kernel, x[rest], targets[rest], x[[i]])
        shift = (within[0] - without[0])[0]
        expected = {
            "kl_out_in": divergence(without, within),
            "kl_in_out": divergence(within, without),
            "mean_distance": 0.5 * (shift**2).mean(),
            "variance_out": without[1][0, 0],
            "memorization": shift[labels[i]],
            "auc": best_auc(without, within),
        }
        for name, value in expected.items():
            close(fit.columns[name][i], value, 1e-7 if name == "auc" else 1e-9)
        others = np.arange(18) != i  # queries leave out the row alone
        elsewhere = law(kernel, x[others], targets[others], queries)
        for q in range(3):
            one, other = at(elsewhere, q), at(at_queries, q)
            close(measures["kl_out_in"][i, q], divergence(one, other))
            close(measures["influence"][i, q], (other[0] - one[0])[0, wanted[q]])
    groups = {"pair": [2, 5], "three": [0, 3, 7]}
    left_out = fit.leave_out({"three": groups["three"], "pair": groups["pair"]}, queries)
    rest = np.setdiff1d(np.arange(18), groups["three"])
    within, without = (
        law(kernel, x[rows], targets[rows], x[groups["three"]]) for rows in (np.arange(18), rest)
    )
    close(left_out.findings.first[0].kl_out_in, divergence(without, within))
    rest = np.setdiff1d(np.arange(18), groups["pair"])
    without = law(kernel, x[rest], targets[rest], queries)
    expected = [divergence(at(without, q), at(at_queries, q)) for q in range(3)]
    close(left_out.measures["kl_out_in"][1], expected)


# Coverage

WIDTHS = (5, 4, 3)


def by_layer(values):
    return np.split(values, np.cumsum(WIDTHS)[:-1], axis=1)


def named(values):
    return dict(zip("abc", by_layer(values), strict=True))


def standing_out(data, tests, threshold=0.75):
    marks = set()
    for layer, part in enumerate(by_layer(data[tests])):
        for row in part:
            bar = row.min() + threshold * np.ptp(row)
            marks |= {(layer, j) for j, a in enumerate(row) if a > bar}
    return len(marks) / 12


def sections(train, tests, k=7):
    marks = set()
    for j, (low, high) in enumerate(zip(train.min(0), train.max(0), strict=True)):
        inside = [a for a in tests[:, j] if low <= a <= high and low < high]
        marks |= {(j, max(1, math.ceil((a - low) / (high - low) * k))) for a in inside}
    return len(marks) / (12 * k)


def most_active(row, k):
    return tuple(sorted(range(len(row)), key=lambda j: (-row[j], j))[:k])


def far_vectors(tests, threshold=1.5):
    count = 0
    for part in by_layer(tests):
        kept = []
        for row in part:
            if all(((row - other) ** 2).sum() > threshold for other in kept):
                kept.append(row)
        count += len(kept) - 1
    return count


def surprises(train, labels, tests, classes, name):
    varies = train.var(0) >= 1e-5
    train, tests = train[:, varies], tests[:, varies]
    if name == "lsc":
        centre = train.mean(0)
        axes = np.linalg.svd(train - centre, full_matrices=False)[2][:10].T
        train, tests = (train - centre) @ axes, (tests - centre) @ axes
    for x, label in zip(tests, classes, strict=True):
        own, others = train[labels == label], train[labels != label]
        if name == "lsc":
            yield -stats.gaussian_kde(own.T).logpdf(x)[0]
        elif name == "dsc":
            yield np.linalg.norm(own - x, axis=1).min() / np.linalg.norm(others - x, axis=1).min()
        else:
            moved = own - own.mean(0)
            plain = moved.T @ moved / len(own)
            level = np.trace(plain) / len(plain)
            target = level * np.eye(len(plain))
            spread = sum(((np.outer(z, z) - plain) ** 2).sum() for z in moved) / len(own) ** 2
            share = min(1, spread / ((plain - target) ** 2).sum())
            shrunk = share * target + (1 - share) * plain
            yield math.sqrt((x - own.mean(0)) @ np.linalg.solve(shrunk, x - own.mean(0)))


def two_means(values):
    """The threshold of exact 2-means by trying every cut."""
    rising = np.sort(values)
    parts = [(rising[:cut], rising[cut:]) for cut in range(1, len(rising))]
    low, high = min(parts, key=lambda pair: sum(len(part) * part.var() for part in pair))
    return (low.mean() + high.mean()) / 2


def cells(train, tests, neurons=(0, 4, 7, 11)):
    limits = [two_means(train[:, j]) for j in neurons]
    return len({tuple(row[list(neurons)] >= limits) for row in tests}) / 2 ** len(neurons)


def expected_coverage(name, train, labels, tests, classes):
    low, high, deviation = train.min(0), train.max(0), train.std(0)
    if name in ("dsc", "lsc", "mdsc"):
        degrees = surprises(train, labels, tests, classes, name)
        return len({math.floor(each / WIDTH[name]) for each in degrees})
    corners = (tests > high + 0.5 * deviation).any(0), (tests < low - 0.5 * deviation).any(0)
    return {
        "nc": lambda: standing_out(tests, slice(None)),
        "kmnc": lambda: sections(train, tests),
        "nbc": lambda: np.mean(corners),
        "snac": lambda: corners[0].mean(),
        "tknc": lambda: (
            sum(len({j for row in part for j in most_active(row, 2)}) for part in by_layer(tests))
            / 12
        ),
        "tknp": lambda: len(
            {
                tuple(most_active(part, 2) for part in np.split(row, np.cumsum(WIDTHS)[:-1]))
                for row in tests
            }
        ),
        "cc": lambda: far_vectors(tests),
        "nlc": lambda: sum(abs(np.cov(part.T, bias=True)).mean() for part in by_layer(tests)),
        "idc": lambda: cells(train, tests),
    }[name]()


WIDTH = {"dsc": 0.1, "lsc": 0.5, "mdsc": 0.3}
CRITERIA = {
    "nc": {},
    "kmnc": {"k": 7},
    "nbc": {"sigma": 0.5},
    "snac": {"sigma": 0.5},
    "tknc": {"k": 2},
    "tknp": {"k": 2},
    "cc": {"threshold": 1.5},
    "nlc": {},
    "idc": {"neurons": (0, 4, 7, 11)},
    **{name: {"width": width} for name, width in WIDTH.items()},
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", CRITERIA)
def test_coverage_is_counted_by_loops_in_any_split(seed, name):
    random = np.random.default_rng(seed)
    labels, classes = np.arange(60) % 3, random.integers(0, 3, 25)
    mix = np.eye(12) + 0.3 * random.normal(size=(12, 12))
    train, tests = random.normal(size=(60, 12)) @ mix, 1.3 * random.normal(size=(25, 12)) @ mix
    train[:, 3] = tests[:5, 3] = 0.25
    tests[0], tests[1] = train.min(0), train[4]
    fitted = coverage.criterion(name, **CRITERIA[name]).fit(named(train), labels)

    def see(rows, criterion=None):
        seen = criterion or fitted.fresh()
        return seen.update(named(tests[rows]), classes[rows])

    def expected(rows):
        return expected_coverage(name, train, labels, tests[rows], classes[rows])

    everything = np.arange(25)
    close(see(everything).value(), expected(everything))
    pieces = fitted.fresh()
    for rows in np.split(everything, [1, 4, 17]):
        see(rows, pieces)
    close(pieces.value(), expected(everything))
    half = see(everything[:12])
    gains = half.gain(named(tests[12:16]), classes[12:16])
    alone = [expected(np.append(everything[:12], row)) for row in range(12, 16)]
    close(gains, np.array(alone) - expected(everything[:12]))
    if name != "cc":  # of which the order matters
        close(half.merge(see(everything[12:])).value(), expected(everything))
        close(see(everything[::-1]).value(), expected(everything))


# Déjà vu


def votes(public, labels, crops, k, metric):
    """Classes by votes, and minus the entropy of the vote, by comparing with every image."""
    ranked, confidence = [], []
    for crop in crops:
        distance = ((public - crop) ** 2).sum(1)
        if metric == "cosine":
            distance = -(public @ crop) / np.linalg.norm(public, axis=1)
        near = labels[np.argsort(distance, kind="stable")[:k]].tolist()
        count = Counter(near)
        ranked.append(sorted(count, key=lambda y: (-count[y], near.index(y))))
        confidence.append(-stats.entropy(list(count.values())))
    return ranked, np.array(confidence)


def share_at(values, confidence, percent):
    """Mean over the most confident, in expectation over every order of equal ones."""
    rounded = np.round(confidence, 10)
    left = size = max(1, round(len(values) * percent / 100))
    total = 0.0
    for level in np.unique(rounded)[::-1]:
        tied = values[rounded == level]
        total += tied.mean() * min(left, len(tied))
        left -= min(left, len(tied))
    return total / size


def dejavu_values(hits, reference_hits, confidence, reference_confidence, percent):
    target = share_at(hits, confidence, percent)
    reference = share_at(reference_hits, reference_confidence, percent)
    memorized = share_at(hits & ~reference_hits, confidence, percent)
    forgotten = share_at(~hits & reference_hits, confidence, percent)
    return {
        "score": target - reference,
        "paired_score": memorized - forgotten,
        "target_accuracy": target,
        "reference_accuracy": reference,
        "memorized": memorized,
        "forgotten": forgotten,
        "correlated": share_at(hits & reference_hits, confidence, percent),
        "unassociated": share_at(~hits & ~reference_hits, confidence, percent),
    }


def check_by_percent(by_percent, *of_images):
    for percent, estimates in by_percent.items():
        for name, value in dejavu_values(*of_images, float(percent)).items():
            close(getattr(estimates, name).value, value)
            assert getattr(estimates, name).low <= value + 1e-12
            assert getattr(estimates, name).high >= value - 1e-12


def right(ranked, labels, top=1):
    return np.array([label in each[:top] for each, label in zip(ranked, labels, strict=True)])


def embeddings(seed, classes=7):
    random = np.random.default_rng(seed)
    labels, public_labels = random.integers(0, classes, 40), np.arange(90) % classes
    centres = random.normal(size=(2, classes, 5))
    noise = random.normal(size=(4, 90, 5))
    arrays = {
        "public": centres[0][public_labels] + noise[0],
        "public_reference": centres[1][public_labels] + noise[1],
        "crops_target": centres[0][labels] + noise[2][:40],
        "crops_reference": 0.6 * centres[1][labels] + noise[3][:40],
    }
    exact = {name: values.astype(np.float32) for name, values in arrays.items()}
    return {**exact, "public_labels": public_labels, "labels": labels}


@pytest.mark.parametrize(("seed", "metric"), [(0, "l2"), (1, "cosine")])
def test_the_two_model_test_is_that_of_exhaustive_neighbours(seed, metric):
    arrays = embeddings(seed)
    labels, percents = arrays["labels"], (100, 50, 20, 5)
    result = dejavu.two_model(**arrays, k=9, metric=metric, top_percent=percents, seed=seed)
    (ranked, sure), (other, other_sure) = (
        votes(
            arrays[public].astype(float),
            arrays["public_labels"],
            arrays[crops].astype(float),
            9,
            metric,
        )
        for public, crops in (
            ("public", "crops_target"),
            ("public_reference", "crops_reference"),
        )
    )
    close(result.target.confidence, sure)
    close(result.strength, sure - other_sure)
    hits, others = right(ranked, labels), right(other, labels)
    kinds = np.select([hits & others, hits & ~others, ~hits & others], [0, 1, 2], 3)
    np.testing.assert_array_equal(result.categories, kinds)
    check_by_percent(result.findings.two_model, hits, others, sure, other_sure)
    five = right(ranked, labels, 5), right(other, labels, 5)
    check_by_percent(result.findings.two_model_top5, *five, sure, other_sure)


def test_the_one_model_test_is_that_of_two_references():
    arrays, random = embeddings(2), np.random.default_rng(2)
    labels, members = arrays["labels"], random.random(40) < 0.7
    guesses = np.where(random.random((2, 40)) < 0.6, labels, random.integers(0, 7, (2, 40)))
    tables = 0.5 * np.eye(7)[guesses] + 0.5 * random.dirichlet(np.ones(7), (2, 40))
    own = [arrays[name] for name in ("public", "public_labels", "crops_target")]
    result = dejavu.one_model(
        *own, labels, {"a": tables[0], "b": tables[1]}, members=members, calibrated=False, k=9
    )
    ranked, sure = votes(own[0].astype(float), own[1], own[2].astype(float), 9, "l2")
    hits = right(ranked, labels)
    product = np.sqrt(tables[0] * tables[1])
    distributions = [*tables, product / product.sum(1, keepdims=True)]
    order = [np.argsort(-each, axis=1, kind="stable").tolist() for each in distributions]
    other_hits = [right(each, labels) for each in order]
    confidences = [-stats.entropy(each, axis=1) for each in distributions]
    other_hits.append(np.any(other_hits, axis=0))
    confidences.append(np.max(confidences, axis=0))
    for name, others, confidence in zip(
        ("a", "b", "combined", "strictest"), other_hits, confidences, strict=True
    ):
        parts = [each[members] for each in (hits, others, sure, confidence)]
        check_by_percent(result.findings.against[name].test, *parts)
        close(result.strength[name], (sure - confidence)[members])
        parts = [each[~members] for each in (hits, others, sure, confidence)]
        check_by_percent(result.findings.non_members.against[name].test, *parts)
    claimed = (hits & ~other_hits[-1])[members]
    assert result.findings.claims.claimed == claimed.sum()
    np.testing.assert_array_equal(result.explained, (other_hits[0] & other_hits[1])[members])
    agreed = (other_hits[0] == other_hits[1])[members]
    close(result.findings.agreement[0].agreed.value, agreed.mean())


def test_naive_bayes_is_the_product_of_smoothed_shares():
    random, words = np.random.default_rng(0), ("sea", "sky", "tree", "road")
    labels = np.arange(24) % 3
    given = [[word for word in words if random.random() < 0.5] for _ in range(24)]
    crops = dejavu.tags([[(word, 0.9) for word in each] for each in given])
    probabilities = dejavu.naive_bayes(crops, labels, classes=3, smoothing=0.5, folds=24)
    for i in range(24):  # as many folds as crops: each is predicted by all others
        logs = []
        for c in range(3):
            rows = [j for j in range(24) if j != i and labels[j] == c]
            count = Counter(word for j in rows for word in given[j])
            total = sum(count.values()) + 0.5 * len(words)
            shares = [math.log((count[word] + 0.5) / total) for word in given[i]]
            logs.append(math.log(len(rows) / 23) + sum(shares))
        expected = np.exp(np.array(logs) - max(logs))
        close(probabilities[i], expected / expected.sum(), 2e-6)  # logarithms are float32


# The same numbers from the command line


def run(tmp_path, arrays, *words):
    np.savez(tmp_path / "arrays.npz", **arrays)
    out = tmp_path / "out"
    main([*words, "--arrays", str(tmp_path / "arrays.npz"), "--out", str(out)])
    return json.loads((out / "summary.json").read_text())["lenses"]


def same(lens, findings):
    assert lens == json.loads(json.dumps(to_json(findings)))


def printed(text):
    return {line.strip() for line in text.splitlines()}


def test_dejavu_attack_writes_what_two_model_returns(tmp_path):
    arrays = embeddings(4)
    lens = run(tmp_path, arrays, "dejavu", "attack", "--k", "9")["dejavu"]
    assert "two_model_top5" in lens
    same(lens, dejavu.two_model(**arrays, k=9).findings)


def test_membership_attack_writes_and_prints_what_python_does(tmp_path, capsys):
    arrays = signals(6, records=160)
    words = ("membership", "attack", "--attacks", "lira,rmia,loss", "--seed", "3")
    lens = run(tmp_path, arrays, *words)["membership"]
    result = membership.attack(**arrays, attacks=["lira", "rmia", "loss"], seed=3)
    same(lens, result.findings)
    assert printed(str(result)) <= printed(capsys.readouterr().out)


def test_membership_bound_writes_what_python_returns(tmp_path):
    members = np.arange(200) % 2 == 0
    scores = np.random.default_rng(0).normal(size=200) + 2 * members
    lens = run(tmp_path, {"scores": scores, "members": members}, "membership", "bound")
    bound = membership.bound_epsilon(scores, members)
    assert lens["membership"]["bound"]["epsilon"] == bound.epsilon
    assert lens["membership"]["bound"]["ceiling"] == bound.ceiling


def test_leave_one_out_fit_writes_and_prints_what_python_does(tmp_path, capsys):
    random = np.random.default_rng(0)
    arrays = {"x": random.normal(size=(20, 4)), "y": np.arange(20) % 3}
    lens = run(tmp_path, arrays, "leave-one-out", "fit", "--kernel", "rbf")["leave_one_out"]
    fit = leave_one_out.fit(arrays["x"], arrays["y"], kernel="rbf")
    same(lens, fit.findings)
    assert printed(str(fit)) <= printed(capsys.readouterr().out)
    assert f"{fit.findings.leave_one_out_accuracy.value:.1%}" in (
        tmp_path / "out" / "report.html"
    ).read_text(encoding="utf-8")


def test_coverage_measure_writes_and_prints_what_python_does(tmp_path, capsys):
    random = np.random.default_rng(0)
    train, tests = random.normal(size=(60, 12)), random.normal(size=(25, 12))
    arrays = {f"train/{name}": part for name, part in named(train).items()}
    arrays |= {f"test/{name}": part for name, part in named(tests).items()}
    words = ("coverage", "measure", "--criteria", "kmnc,tknc,nlc", "--param", "tknc.k=2")
    lens = run(tmp_path, arrays, *words)["coverage"]
    measured = coverage.measure(
        named(tests), named(train), criteria=["kmnc", "tknc", "nlc"], options={"tknc": {"k": 2}}
    )
    same(lens, measured.findings)
    assert printed(str(measured)) <= printed(capsys.readouterr().out)
