"""The pages of the documentation: their Python runs and prints what they show; commands parse.

A page's ``python`` blocks share one namespace. A ``text`` block directly after a ``python`` block
is its output. A block directly after ``<!-- needs: NAME -->`` is skipped if NAME is not installed.
Commands in ``sh`` blocks that start with ``qconv`` are parsed, not run.
"""

import importlib.util
import re
import shlex
from pathlib import Path

import pytest

from qconv.cli import convolve_options, match
from tests.printed import same_output

DOCS = Path(__file__).parent.parent / "docs"
PAGES = [
    path
    for path in sorted(DOCS.rglob("*.md"))
    if not {"_build", "explore"} & set(path.relative_to(DOCS).parts)
]
IDS = {"ids": lambda path: path.relative_to(DOCS).with_suffix("").as_posix()}

#: The requirements of a block, its Python, and its output if the page shows it.
BLOCK = re.compile(
    r"^(?:<!-- needs: (?P<needs>\w+) -->\n)?```python\n(?P<code>.*?)^```\n"
    r"(?:\n```text\n(?P<shown>.*?)^```\n)?",
    flags=re.MULTILINE | re.DOTALL,
)
PYTHON = [path for path in PAGES if BLOCK.search(path.read_text())]


@pytest.mark.parametrize("path", PYTHON, **IDS)
def test_python_runs_and_prints_what_is_shown(path, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "page"}
    missing = set()
    for block in BLOCK.finditer(path.read_text()):
        if block["needs"] and not importlib.util.find_spec(block["needs"]):
            missing.add(block["needs"])
            continue
        exec(compile(block["code"], str(path), "exec"), names)
        printed = capsys.readouterr().out
        if block["shown"] is not None:
            same = same_output(block["shown"], printed)
            assert same, f"{block['code']}\nprints\n{printed}\nand not\n{block['shown']}"
    if missing:
        pytest.skip(f"blocks that need {', '.join(sorted(missing))} were left out")


@pytest.mark.parametrize("path", PAGES, **IDS)
def test_commands_parse(path):
    for block in re.findall(r"^```sh\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            command, *words = shlex.split(line, comments=True) or [""]
            if command.endswith(("/qconv", "qconv")) and words[:1] == ["match"]:
                match.parsed(words[1:])
            elif command.endswith(("/qconv", "qconv")):
                convolve_options.parsed(words)


def test_every_block_is_seen():
    for path in PAGES:
        text = path.read_text()
        assert text.count("```python") == len(BLOCK.findall(text)), path


def test_lines_are_short():
    long = []
    for path in PAGES:
        outside = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
        for line in outside.splitlines():
            if len(line) > 112 and not line.startswith("|"):
                long.append((path.name, line))
    assert not long


@pytest.mark.parametrize("path", PAGES, **IDS)
def test_links_lead_to_files_of_the_source(path):
    text = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    links = re.findall(r"\]\(([^)\s#]+)(?:#[^)\s]*)?\)", text)
    inside = [link for link in links if not link.startswith("http")]
    assert [link for link in inside if not (path.parent / link).exists()] == []
