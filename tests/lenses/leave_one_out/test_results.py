import numpy as np
import pytest

from imprint import leave_one_out
from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.options import LineChoice
from imprint.lenses.leave_one_out.results import make_options


def test_unknown_options_are_named_with_those_that_exist():
    assert make_options(LineChoice, {"lines": 3}).lines == 3
    with pytest.raises(ImprintError, match="no option 'reach'; known are removed, lines"):
        make_options(LineChoice, {"reach": 1})


def test_results_print_as_tables_and_plot():
    fit = leave_one_out.fit(np.eye(4), [0, 0, 1, 1], kernel="rbf")
    assert str(fit.leave_out({"first": [0, 1]})).splitlines()[0] == "Groups left out together"
    assert "<table" in fit._repr_html_()
    assert fit.plot().axes
    assert fit.query(np.eye(4)[:2]).to_records()[1]["query"] == 1
