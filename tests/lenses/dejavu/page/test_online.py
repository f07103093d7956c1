import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.dejavu.page.online import online_attack, online_figure, tested_epochs
from imprint.report.blocks import draw_block
from imprint.study.tables import write_table


def write(models, side, epoch, right, votes, index=range(40)):
    columns = {
        "index": np.array(index),
        "side": np.repeat([0, 1], 20),
        "right": np.array(right),
        "votes": np.array(votes),
        "neighbours": np.zeros((40, 7), dtype=np.int64),
    }
    (models / side / "attack").mkdir(parents=True, exist_ok=True)
    write_table(models / side / "attack" / f"epoch_{epoch:04d}.parquet", columns)


@pytest.fixture
def models(tmp_path):
    """Return a folder of two epochs: nothing in the first, A and B know their own in the second."""
    own = np.repeat([True, False], 20)
    for side, right in (("A", own), ("B", ~own)):
        write(tmp_path, side, 10, np.tile([True, False], 20), np.full(40, 2))
        write(tmp_path, side, 20, right, np.where(right, 6, 1))
    return tmp_path


def test_each_encoder_is_the_target_of_its_own_crops(models):
    first, second = tested_epochs(models)
    assert (first.epoch, first.score.value, first.votes) == (10, 0, (2, 2))
    assert (second.target.value, second.reference.value, second.score.value) == (1, 0, 1)
    assert (second.votes, second.voters) == ((6, 1), 7)


def test_the_part_says_from_which_epoch_on_the_score_stands_above_noise(models):
    (part,) = online_attack(models)
    page = str(draw_block(part))
    assert "first stands above noise after epoch 20" in page
    assert "<svg" in page
    assert "after epoch 20" in online_figure(tested_epochs(models)).description


def test_epochs_that_show_nothing_are_said_to_show_nothing(models):
    for side in "AB":
        (models / side / "attack" / "epoch_0020.parquet").unlink()
    assert "At none of 1 tested epochs" in str(draw_block(online_attack(models)[0]))


def test_without_tables_of_both_encoders_there_is_no_part(tmp_path):
    assert online_attack(tmp_path) == []
    write(tmp_path, "A", 10, np.ones(40, dtype=bool), np.ones(40))
    assert online_attack(tmp_path) == []


def test_tables_of_other_crops_are_refused(models):
    write(models, "B", 20, np.ones(40, dtype=bool), np.ones(40), index=range(1, 41))
    with pytest.raises(ImprintError, match="hold other crops: delete both and run again"):
        online_attack(models)
