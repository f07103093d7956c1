import numpy as np
import pytest

from imprint.lenses.membership.attack_kit.attack import ATTACKS, Evidence
from imprint.lenses.membership.attack_kit.run import attack_cohort, cohort_target
from imprint.lenses.membership.attack_kit.signal_checks import suspect_signals
from imprint.lenses.membership.cohort import partners, stored_signals
from imprint.lenses.membership.cohort.references import Cohort, References
from imprint.lenses.membership.cohort.stored_signals import (
    StoredSignals,
    each_model,
    pick_models,
    plain_blocks,
    whole,
)

MODELS, VIEWS, RECORDS, POPULATION = 8, 2, 60, 30


def stored(values: np.ndarray) -> StoredSignals:
    return StoredSignals(values.shape, lambda row: values[row].copy())


def make_cohort(balanced: bool, kinds=("phi", "log_curvature", "trajectory")) -> Cohort:
    random = np.random.default_rng(5)
    members = random.random((MODELS, RECORDS)) < 0.5
    if balanced:
        members = np.argsort(random.random((MODELS, RECORDS)), axis=0) < MODELS // 2
    signals = {
        kind: random.standard_normal((MODELS, VIEWS, RECORDS)) + members[:, None] for kind in kinds
    }
    population = {kind: random.standard_normal((MODELS, VIEWS, POPULATION)) for kind in kinds}
    return Cohort(signals, members, population)


def on_disk(cohort: Cohort) -> Cohort:
    return Cohort(
        {kind: stored(values) for kind, values in cohort.signals.items()},
        cohort.members,
        cohort.population,
    )


def evidences(cohort: Cohort) -> list[Evidence]:
    random = np.random.default_rng(9)
    kinds = cohort.signals
    target = {kind: random.standard_normal((VIEWS, RECORDS)) for kind in kinds}
    target["mentr"] = target["entropy"] = target["distance"] = random.random((1, RECORDS))
    population = {kind: random.standard_normal((VIEWS, POPULATION)) for kind in kinds}
    return [Evidence(target, References(cohort), population), cohort_target(cohort, 2)]


@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize("records_at_once", [1, 7, RECORDS])
def test_every_attack_has_the_bytes_of_signals_in_memory(
    monkeypatch, balanced, records_at_once
) -> None:
    in_memory = make_cohort(balanced)
    expected = [
        {name: ATTACKS.get(name).score(evidence) for name in runnable(evidence)}
        for evidence in evidences(in_memory)
    ]
    assert len(expected[0]) >= 24
    monkeypatch.setattr(stored_signals, "BLOCK_VALUES", MODELS * records_at_once)
    monkeypatch.setattr(partners, "BLOCK_VALUES", MODELS * records_at_once)
    for evidence, scores in zip(evidences(on_disk(in_memory)), expected, strict=True):
        assert runnable(evidence) == list(scores)
        for name, score in scores.items():
            assert ATTACKS.get(name).score(evidence).tobytes() == score.tobytes(), name


def runnable(evidence: Evidence) -> list[str]:
    return [name for name in ATTACKS.names() if ATTACKS.get(name).missing(evidence) is None]


def test_losses_in_the_place_of_margins_are_the_same_too() -> None:
    random = np.random.default_rng(3)
    members = random.random((MODELS, RECORDS)) < 0.5
    losses = random.random((MODELS, 1, RECORDS))
    target = {"loss": random.random((1, RECORDS))}
    scores = [
        [
            ATTACKS.get(name).score(Evidence(target, References(Cohort({"loss": each}, members))))
            for name in ("attack_r", "rmia", "rmia_tuned", "base", "mast", "watson")
        ]
        for each in (losses, stored(losses))
    ]
    for first, second in zip(*scores, strict=True):
        assert first.tobytes() == second.tobytes()


def test_a_whole_cohort_is_attacked_to_the_same_bytes() -> None:
    cohort = make_cohort(True, ("phi",))
    attacks = [ATTACKS.get(name) for name in ("lira", "rmia", "attack_r")]
    first, second = (attack_cohort(each, attacks).scores for each in (cohort, on_disk(cohort)))
    for name, scores in first.items():
        assert scores.tobytes() == second[name].tobytes()


def test_signals_are_checked_alike() -> None:
    cohort = make_cohort(False)
    turned = Cohort({"phi": -4 * cohort.signals["phi"]}, cohort.members)
    members = np.arange(RECORDS) % 2 == 0
    sentences = [
        suspect_signals(Evidence({"phi": each.signals["phi"][0]}, References(each)), members)
        for each in (turned, on_disk(turned))
    ]
    assert sentences[0] == sentences[1]


def test_models_views_and_records_are_chosen_without_reading_all() -> None:
    values = np.arange(24.0).reshape(4, 2, 3)
    read: list[int] = []

    def read_model(row: int) -> np.ndarray:
        read.append(row)
        return values[row]

    signals = StoredSignals((4, 2, 3), read_model)
    part = signals[[3, 1]].views(slice(1, 2)).records(np.array([2, 0]))
    assert part.shape == (2, 1, 2)
    assert read == []
    assert part[0].tolist() == values[3, 1:, [2, 0]].T.tolist()
    assert part[-1].tolist() == values[1, 1:, [2, 0]].T.tolist()
    assert read == [3, 1]
    with pytest.raises(IndexError):
        signals[4]
    assert np.array_equal(whole(signals), values)
    assert np.array_equal(np.stack(list(each_model(signals))), values)


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_blocks_hold_the_plain_signals_of_all_models(size) -> None:
    values = np.arange(40.0).reshape(4, 2, 5)
    blocks = list(plain_blocks(stored(values), 4 * size))
    assert max(block.shape[1] for _, block in blocks) <= size
    assert np.array_equal(np.concatenate([block for _, block in blocks], axis=1), values[:, 0])


def test_each_record_takes_the_values_of_its_model() -> None:
    values = np.arange(12.0).reshape(3, 1, 4)
    picked = pick_models(iter(values), np.array([2, 0, 1, 2]), (1, 4))
    assert picked.tolist() == [[8, 1, 6, 11]]
