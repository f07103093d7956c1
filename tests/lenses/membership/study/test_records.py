import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.membership.study.records import choose_records


def test_all_records_are_used_once():
    records = choose_records(10, 7, count=0, seed=0)
    assert sorted(records.every) == list(range(17))
    assert records.members.tolist() == [True] * 10 + [False] * 4
    assert (records.index < 10).tolist() == records.members.tolist()
    assert (records.population >= 10).all()


def test_a_subset_is_balanced_and_drawn_by_the_seed():
    first, again, other = (choose_records(100, 80, 40, seed) for seed in (1, 1, 2))
    assert first.members.sum() == 20
    assert len(first.index) == 40
    assert len(first.population) == 20
    assert len(set(first.every)) == 60
    assert (first.every == again.every).all()
    assert (first.every != other.every).any()


def test_fewer_images_than_asked_for_stay_balanced():
    records = choose_records(10, 9, 100, 0)
    assert records.members.tolist() == [True] * 5 + [False] * 5
    assert len(records.population) == 4


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ((1, 8, 0), "1 members and 8 non-members are too few"),
        ((8, 2, 0), "8 members and 2 non-members are too few"),
        ((8, 8, 2), "--records 4 or more"),
    ],
)
def test_too_few_images_are_an_error(sizes, message):
    with pytest.raises(ImprintError, match=message):
        choose_records(*sizes, seed=0)
