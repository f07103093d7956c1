import numpy as np
import pytest
import torch

from imprint.leave_one_out import fit
from imprint.lenses.leave_one_out.search.landscape import Landscape
from imprint.lenses.leave_one_out.study.noise_lines import noise_line_findings


def test_along_a_line_from_noise_the_record_shows_most_at_its_end():
    random = np.random.default_rng(0)
    fitted = fit(random.normal(size=(40, 6)), np.arange(40) % 2, noise=0.1)
    lines = fitted.noise_lines(np.arange(8), noise_lines=3, noise_steps=10, seed=1)
    findings, columns = lines.findings, lines.columns
    assert (findings.records, findings.lines, findings.largest) == (8, 3, 1)
    assert len(columns["index"]) == 8 * 3 * 11
    ends = columns["share"] == 1
    np.testing.assert_allclose(columns["certificate"][ends], 1)
    np.testing.assert_allclose(
        columns["kl_out_in"][ends], np.repeat(fitted.divergences[:8], 3), rtol=1e-9
    )
    assert findings.curves["kl_out_in"].median[-1] == 1
    assert findings.at_noise.value < findings.half_way.value
    assert "half" in str(lines)


def test_findings_of_a_known_curve():
    steps = torch.tensor([-1.0, -0.5, 0.0]).double()
    values = torch.tensor([[[0.0, 1.0, 4.0]], [[4.0, 1.0, 4.0]], [[1.0, 3.0, 4.0]]]).double()
    made = Landscape(steps, values, values, 0.5 + values / 10, values)
    findings = noise_line_findings(made, np.array([0, 0.5, 1]), 0.1, 0)
    assert findings.at_noise.value == pytest.approx(0.25)
    # ½ of the value is held from the last step on, twice, and from the middle on, once.
    assert findings.half_way.value == 1
    assert findings.rising.value == pytest.approx(2 / 3)
    assert findings.largest == 1
    assert findings.curves["kl_out_in"].median == (0.25, 0.25, 1.0)
