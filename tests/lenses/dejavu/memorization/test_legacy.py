import numpy as np
import pytest

from imprint.lenses.dejavu.memorization.attack import attack
from imprint.lenses.dejavu.memorization.legacy import legacy_arrays

SHAPES = {
    "M_attk_S_neighb_idxs": (5,),
    "M_attk_S_neighb_labels": (5,),
    "M_attk_S_attk_idxs": (),
    "M_attk_S_labels": (1,),
}


@pytest.mark.parametrize(("classes", "tops"), [(8, (1, 5)), (3, (1,))])
@pytest.mark.parametrize("count", [0, 4])
def test_few_classes_and_empty_sets_have_their_arrays(classes, tops, count):
    """A network that saw everything has no unseen images, and some data no five classes."""
    random = np.random.default_rng(0)
    crops, public = (random.normal(size=(n, 4)).astype(np.float32) for n in (6, 20))
    index = np.arange(20)
    found = attack(crops, public, index, index % classes, classes, k=5, device="cpu")
    rows = np.arange(6) < count
    arrays = legacy_arrays(found, rows, np.arange(6), np.arange(6) % classes, "M_attk_S")
    curves = {f"top_{top}_conf_sweep_M_attk_S": (100,) for top in tops} if count else {}
    expected = {name: (count, *shape) for name, shape in SHAPES.items()} | curves
    assert {name: array.shape for name, array in arrays.items()} == expected
