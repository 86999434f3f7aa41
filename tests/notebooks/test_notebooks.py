"""The notebooks run, and print the outputs that they keep.

A notebook that trains networks, imitates large devices, compares many ways to sample, loads
photographs or prices large images runs in a short version, which only checks its own assertions.
"""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.printed import same_output

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

#: Notebooks that have a short version, with what they need beside the other ones.
SHORT = {
    "08_network": ("torch", "mlxtend", "sklearn"),
    "09_noise": ("qiskit_ibm_runtime",),
    "10_fewest_shots": (),
    "13_loading": (),
    "14_price": (),
}

#: What makes a kernel as good as new, but for what others wrote: names, qconv's own modules.
AS_NEW = """
%reset -f
import sys
for name in [name for name in sys.modules if name.partition(".")[0] in ("qconv", "classical")]:
    del sys.modules[name]
%reset -f
"""


@pytest.fixture(scope="module")
def client():
    """A client with a kernel, which starts and imports Qiskit once for all notebooks."""
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
    client.execute(cleanup_kc=False)  # raises where an assertion of the notebook fails
    if path.stem not in SHORT:
        for cell, shown in zip(code, kept, strict=True):
            again = printed(cell)
            assert same_output(shown, again), f"{cell.source}\nprints\n{again}\nand not\n{shown}"


def printed(cell):
    """The text that a cell wrote, which the same seeds must write again."""
    return "".join(output["text"] for output in cell.outputs if output.output_type == "stream")


def test_there_are_notebooks():
    assert NOTEBOOKS
