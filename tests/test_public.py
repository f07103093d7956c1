import inspect
import subprocess
import sys

import pytest

import imprint


@pytest.mark.parametrize("name", imprint._PUBLIC)
def test_every_public_name_is_there(name):
    assert getattr(imprint, name).__name__ == name
    assert name in dir(imprint)


@pytest.mark.parametrize("name", imprint._NAMESPACES)
def test_every_namespace_is_there(name):
    assert getattr(imprint, name).__name__ == f"imprint.{name}"
    assert name in dir(imprint)


@pytest.mark.parametrize("name", imprint._NAMESPACES)
def test_a_prompt_completes_the_public_names_of_a_namespace(name):
    namespace = getattr(imprint, name)
    assert dir(namespace) == sorted(namespace.__all__)
    assert all(hasattr(namespace, each) for each in dir(namespace))
    assert name != "membership" or {"attack", "lira", "rmia"} < set(dir(namespace))


@pytest.mark.parametrize("name", imprint._NAMESPACES)
def test_examples_stand_under_a_heading_of_their_own(name):
    namespace = getattr(imprint, name)
    texts = {each: inspect.getdoc(getattr(namespace, each)) or "" for each in namespace.__all__}
    with_examples = {each: text for each, text in texts.items() if ">>>" in text}
    assert with_examples
    assert [each for each, text in with_examples.items() if "\nExamples:\n" not in text] == []


def test_importing_the_package_costs_nothing():
    assert loaded_by("import imprint", "torch", "numpy") == "[]"


def test_attacks_on_arrays_need_no_torch():
    assert loaded_by("import imprint; imprint.membership.attack", "torch", "matplotlib") == "[]"


def loaded_by(code, *packages):
    """Return which packages are loaded after some code, as a list in text."""
    script = f"import sys; {code}; print([m for m in {packages!r} if m in sys.modules])"
    command = [sys.executable, "-c", script]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_unknown_names_are_refused():
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        getattr(imprint, "nothing")  # noqa: B009  # the attribute is missing on purpose
