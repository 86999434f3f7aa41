"""The README: its Python runs, its files exist, its kernels and defaults agree with the code."""

import re
import shlex
from pathlib import Path

import pytest

import qconv
from qconv.cli import convolve_options
from qconv.kernels import KERNEL_NAMES

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


def test_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 120


def test_readme_names_every_kernel():
    text = (ROOT / "README.md").read_text()
    for name in KERNEL_NAMES:
        assert f"`{re.sub('-[xyz]$', '', name)}`" in text, name


def test_readme_states_the_default_shots():
    in_python = qconv.plan([1.0, 2.0], [1.0], method=qconv.Collapse()).shots
    on_the_command_line = convolve_options.parsed([]).shots
    found = re.search(
        r"gets (\d+) shots \(on the\s+command\s+line (\d+)\)", (ROOT / "README.md").read_text()
    )
    assert [int(number) for number in found.groups()] == [in_python, on_the_command_line]


def test_commands_in_the_readme_parse():
    text = (ROOT / "README.md").read_text()
    commands = [shlex.split(line) for line in re.findall(r"\.venv/bin/qconv([^`\n]*)", text)]
    plain = [
        words for words in commands if words and words[0] not in ("match", "explore", "--help")
    ]
    assert len(plain) >= 3
    for words in plain:
        convolve_options.parsed(words)
    (stack,) = [words for words in plain if words[0] == "stack.tif"]
    options = convolve_options.parsed(stack)
    assert options.boundary == "symm"  # the name for `reflect` here
    assert options.kernel.startswith("gaussian:sigma=2")


@pytest.mark.parametrize(
    "page", ["learn/teach.md", "howto/cite.md", "howto/your-data.md", "howto/device.md"]
)
def test_a_task_is_one_click_from_the_readme(page):
    """Pages to teach, cite, convolve a 16-bit stack, or run a plan on one's own machine."""
    assert f"](docs/{page})" in (ROOT / "README.md").read_text()
