import numpy as np

from imprint.lenses.leave_one_out.truth.margins import label_margins


def test_margins_by_hand():
    logits = np.log(np.array([[[0.7, 0.2, 0.1], [0.7, 0.2, 0.1]]]))
    margins = label_margins(logits.astype(np.float32), np.array([0, 2]))
    np.testing.assert_allclose(margins, [[np.log(0.7 / 0.3), np.log(0.1 / 0.9)]], rtol=1e-6)
