"""The package imports nothing from qconv, and its documentation runs."""

import ast
import doctest
import pathlib
import sys

import classical

ALLOWED = {"numpy", "scipy", "classical"} | sys.stdlib_module_names


def imported(source):
    """Return the top-level names of all packages that a source imports."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name.split(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "classical" if node.level else node.module.split(".")[0]


def test_imports_numpy_and_scipy_only():
    files = list(pathlib.Path(classical.__file__).parent.glob("**/*.py"))
    assert len(files) > 5
    for file in files:
        assert set(imported(file.read_text())) <= ALLOWED, file.name


def test_the_reader_of_imports_finds_them():
    source = "import qconv.grid\ndef f():\n    from qiskit.circuit import Gate"
    assert set(imported(source)) == {"qconv", "qiskit"}


def test_public_names_exist_and_are_documented():
    for name in classical.__all__:
        assert getattr(classical, name).__doc__


def test_examples_of_the_documentation_run():
    outcome = doctest.testmod(classical)
    assert outcome.attempted > 0
    assert outcome.failed == 0
