"""Fixtures of tests of membership attacks."""

import numpy as np
import pytest

from tests.lenses.membership.signal_files import arrays


@pytest.fixture
def save(tmp_path):
    def write(**changed):
        content = {**arrays(), **changed}
        file = tmp_path / "arrays.npz"
        np.savez(file, **{name: value for name, value in content.items() if value is not None})
        return file

    return write
