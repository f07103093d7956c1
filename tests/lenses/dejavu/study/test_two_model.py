from types import SimpleNamespace

import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.dejavu.study.two_model import check_training
from imprint.train.loop import hash_of_images

SETS = {"A": np.arange(5), "B": np.arange(5, 10)}


def network(images):
    """Return a file of weights whose card states the images it was trained on."""
    training = {} if images is None else {"images": hash_of_images(images)}
    return SimpleNamespace(path="weights", card=SimpleNamespace(training=training))


def test_models_of_their_own_sets_and_models_that_do_not_say_are_accepted():
    check_training({"A": network(SETS["A"]), "B": network(None)}, SETS)


@pytest.mark.parametrize(
    ("images", "message"),
    [(SETS["B"], "trained on set B: swap the models"), (np.arange(3), "trained on other images")],
)
def test_models_of_other_images_are_refused(images, message):
    with pytest.raises(ImprintError, match=message):
        check_training({"A": network(images), "B": network(SETS["B"])}, SETS)
