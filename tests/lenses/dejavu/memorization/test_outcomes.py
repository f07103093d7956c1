import numpy as np

from imprint.lenses.dejavu.memorization.outcomes import Outcomes, cut_quantities

# Four images, one of each category; the target is surest of the memorized one, the reference of
# the forgotten one.
FOUR = Outcomes(
    "A",
    np.arange(4),
    np.eye(4, dtype=bool),
    np.array([0.3, 0.9, 0.2, 0.1]),
    np.array([0.3, 0.2, 0.9, 0.1]),
)


def test_quantities_of_one_image_of_each_category():
    everything, surest = cut_quantities(FOUR, (100, 25))[:, 0]
    assert everything.tolist() == [0.0, 0.0, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25]
    assert surest.tolist() == [0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0]


def test_weights_draw_images_anew():
    twice_memorized = np.array([[0, 4, 0, 0], [1, 1, 1, 1]])
    score = cut_quantities(FOUR, (100,), twice_memorized)[0, :, 0]
    assert score.tolist() == [1.0, 0.0]
