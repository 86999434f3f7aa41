"""The README: its Python runs, and the files that it names exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent


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
