import subprocess
import sys

import pytest

import imprint


@pytest.mark.parametrize("name", [name for name in imprint.__all__ if name != "__version__"])
def test_every_public_name_is_there(name):
    assert getattr(imprint, name).__name__ == name


def test_importing_the_package_costs_nothing():
    script = "import sys, imprint; print([m for m in ('torch', 'numpy') if m in sys.modules])"
    command = [sys.executable, "-c", script]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"


def test_unknown_names_are_refused():
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        getattr(imprint, "nothing")  # noqa: B009  # the attribute is missing on purpose
