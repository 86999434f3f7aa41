"""What people read must run: the README's Python, the notebooks with the outputs that they keep.

One that trains networks, or imitates large devices, runs in a short version, by its own assertions.
"""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

#: Notebooks that have a short version, with what they need beside the other ones.
SHORT = {
    "08_network": ("torch", "mlxtend", "sklearn"),
    "09_noise": ("qiskit_ibm_runtime",),
}


def python_blocks(text):
    return re.findall(r"^```python\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def test_readme_python_runs(capsys):
    blocks = python_blocks((ROOT / "README.md").read_text())
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "agrees with the exact convolution" in printed
    assert "two-qubit gates" in printed


def test_readme_names_existing_files():
    text = (ROOT / "README.md").read_text()
    links = re.findall(r"\]\(([^)#]+)\)", text)
    assert links
    for link in links:
        assert link.startswith("http") or (ROOT / link).exists(), link


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs_and_keeps_its_outputs(path, monkeypatch):
    for package in SHORT.get(path.stem, ()):
        pytest.importorskip(package, reason=f"needs {package}, an extra")
    monkeypatch.setenv("QCONV_SHORT", "1")
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    kept = [printed(cell) for cell in code]
    client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": path.parent}})
    client.execute()  # raises where an assertion of the notebook fails
    assert [printed(cell) for cell in code] == kept or path.stem in SHORT


def printed(cell):
    """The text that a cell wrote, which the same seeds must write again."""
    return "".join(output["text"] for output in cell.outputs if output.output_type == "stream")


def test_there_are_notebooks():
    assert NOTEBOOKS
