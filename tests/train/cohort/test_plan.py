import numpy as np
import torch

from imprint.train.cohort.masks import balanced_masks
from imprint.train.cohort.plan import plan_models, views_of
from imprint.train.cohort.resident import load_resident
from tests.train.cohort.small_cohort import CPU, MASKS, MLP


def test_batches_hold_members_alone_each_once_an_epoch():
    plans = plan_models(balanced_masks(100, 4, 0).members, range(4), MLP, run=1)
    for plan in plans:
        epochs = [plan.epoch(epoch) for epoch in range(2)]
        assert epochs[0].shape == (len(plan.members) // 8, 8)
        assert len(np.unique(epochs[0])) == epochs[0].size
        assert np.isin(epochs[0], plan.members).all()
        assert not np.array_equal(*epochs)
    assert len({plan.seed for plan in plans}) == 4


def test_views_are_drawn_for_model_and_record_whatever_the_batch(images):
    data = load_resident(images, 12, CPU)
    plans = plan_models(MASKS.members, range(2), MLP, run=1)
    records = np.array([[0, 1, 2, 3], [3, 2, 1, 0]])
    views, labels = views_of(data, records, plans, 0, MLP)
    alone, _ = views_of(data, records[1:, 2:], plans[1:], 0, MLP)
    assert torch.equal(views[1, 2:], alone[0])
    assert not torch.equal(views[0], views[1].flip(0))
    assert labels.tolist() == [[0, 1, 2, 0], [0, 2, 1, 0]]
    later, _ = views_of(data, records, plans, 1, MLP)
    assert not torch.equal(views, later)
