"""Examples in docstrings: every public function and class has one, and its output is correct."""

import doctest
import importlib
import importlib.util
import inspect

import pytest

import classical
import qconv
from tests.printed import OutputChecker

NAMES = [f"{package.__name__}.{name}" for package in (qconv, classical) for name in package.__all__]
NAMES += ["classical", "qconv.circuits.resources.Resources"]
for extra, needed in (("torch", "torch"), ("distributed", "dask")):
    if importlib.util.find_spec(needed):
        public = importlib.import_module(f"qconv.{extra}").__all__
        NAMES += [f"qconv.{extra}.{name}" for name in public]


@pytest.mark.parametrize("name", NAMES)
def test_example(name):
    """It runs with no names except those that it imports, and shows at least one output."""
    module, _, last = name.rpartition(".")
    thing = getattr(importlib.import_module(module), last) if module else classical
    text = inspect.getdoc(thing) or ""
    test = doctest.DocTestParser().get_doctest(text, {}, name, None, None)
    assert any(example.want for example in test.examples), f"{name} has no example"
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    failures: list[str] = []
    runner = doctest.DocTestRunner(OutputChecker(), optionflags=flags)
    runner.run(test, out=failures.append)
    assert not failures, "".join(failures)
