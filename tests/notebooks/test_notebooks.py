"""The notebooks run, and print the outputs that are stored in them.

Some notebooks run in a short version, which only checks their assertions. These notebooks train
networks, simulate large devices, compare many ways to sample, load photographs, or compute prices
for large images. Solutions of exercises are hidden cells, which run like all others.
"""

import ast
import itertools
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import classical
import qconv
from tests.printed import same_output

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

#: Notebooks that have a short version, with the extra packages that they need.
SHORT = {
    "08_network": ("torch", "mlxtend", "sklearn"),
    "09_noise": ("qiskit_ibm_runtime",),
    "10_fewest_shots": (),
    "13_loading": (),
    "14_price": (),
}

#: Code that resets a kernel: it deletes names and reloads qconv's own modules.
AS_NEW = """
%reset -f
import sys
for name in [name for name in sys.modules if name.partition(".")[0] in ("qconv", "classical")]:
    del sys.modules[name]
%reset -f
"""


@pytest.fixture(scope="module")
def client():
    """A client of a kernel that starts and imports Qiskit once for all notebooks."""
    place = {"metadata": {"path": ROOT / "notebooks"}}
    client = NotebookClient(nbformat.v4.new_notebook(), timeout=120, resources=place)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("QCONV_SHORT", "1")
        with client.setup_kernel():
            yield client


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs_and_keeps_its_outputs(path, client):
    for package in SHORT.get(path.stem, ()):
        pytest.importorskip(package, reason=f"needs {package}, an extra")
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    kept = [printed(cell) for cell in code]
    notebook.cells.insert(0, nbformat.v4.new_code_cell(AS_NEW))
    client.nb = notebook
    client.execute(cleanup_kc=False)  # raises if an assertion of the notebook fails
    if path.stem not in SHORT:
        for cell, shown in zip(code, kept, strict=True):
            again = printed(cell)
            assert same_output(shown, again), f"{cell.source}\nprints\n{again}\nand not\n{shown}"


def printed(cell):
    """Return the text that a cell printed, which the same seeds must reproduce."""
    return "".join(output["text"] for output in cell.outputs if output.output_type == "stream")


def test_there_are_notebooks():
    assert NOTEBOOKS


#: Names in the reference, and the public names of the two packages.
REFERENCE = "\n".join(page.read_text() for page in sorted((ROOT / "docs/reference").glob("*.md")))
LISTED = {*re.findall(r":: ((?:qconv|classical)\.[\w.]+)", REFERENCE)}
LISTED |= {
    f"{package.__name__}.{name}" for package in (qconv, classical) for name in package.__all__
}
MODULES = {"qconv", "classical", "qconv.torch", "qconv.distributed", "qconv.transfer"}


def private(source):
    """Return names that code uses and the reference does not list, or that begin with _."""
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Attribute) and re.match(r"_(?!_)", node.attr):
            yield node.attr
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            names = [f"{node.value.id}.{node.attr}"]
        for name in names:
            ours = name.partition(".")[0] in ("qconv", "classical")
            if re.search(r"(?:^|\.)_", name) or (ours and name not in LISTED | MODULES):
                yield name


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_uses_public_names_only(path):
    cells = nbformat.read(path, as_version=4).cells
    assert not [name for cell in cells if cell.cell_type == "code" for name in private(cell.source)]


def test_private_names_are_found():
    assert [*private("from qconv.execution.seeds import random_state")]
    assert [*private("import qconv._checks")]
    assert [*private("result._found")]
    assert [*private("qconv.execution.run")]
    assert [*private("from qconv import convolve, Fourier; import qconv.torch")] == []
    assert [*private("from qconv.planning.fault_tolerant import duration")] == []


def solutions(notebook):
    """Return the cells of solutions, each with the cell before it."""
    pairs = itertools.pairwise(notebook.cells)
    return [
        (question, cell) for question, cell in pairs if "hide-cell" in cell.metadata.get("tags", [])
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_exercises_have_hidden_solutions_that_assert(path):
    found = solutions(nbformat.read(path, as_version=4))
    assert len(found) >= 3
    for number, (question, cell) in enumerate(found, start=1):
        assert f"**Exercise {number}.**" in question.source
        assert any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(cell.source)))
        assert cell.metadata["jupyter"] == {"outputs_hidden": True, "source_hidden": True}


def test_there_are_exercises_enough():
    assert sum(len(solutions(nbformat.read(path, as_version=4))) for path in NOTEBOOKS) >= 33


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_gallery_shows_the_notebook(path):
    assert f":link: {path.stem}\n" in (ROOT / "docs/learn/index.md").read_text()
    assert (ROOT / f"docs/_static/thumbnails/{path.stem}.png").stat().st_size < 100_000
