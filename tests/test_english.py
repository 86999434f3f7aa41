"""English that can be searched for: fragments, the field's own words, long sentences.

A search finds a small part of what makes a sentence hard to read. The rest is for reviewers.
"""

import ast
import functools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent

CODE = sorted(p for folder in ("qconv", "classical") for p in (ROOT / folder).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
PAGES = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")),
    *(p for p in sorted((ROOT / "docs").rglob("*.md")) if "_build" not in p.parts),
]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

#: What is counted in "shots per pixel" and the like, where "a pixel" reads as "one pixel".
COUNTED = r"shots?|executions?|calls?|counts?|numbers?|samples?|draws?|hits?|particles?|bytes|jobs?"
EACH = r"(?:output )?(?:pixel|shot|power|circuit|block|position|tile|channel|round|row|job|worker)"

PATTERNS = {
    "distribution or probabilities, not law": r"\blaws?\b",
    "per, not a": rf"\b(?:{COUNTED}) an? {EACH}\b|\bone an? {EACH}\b",
    "not a, not no": r"\b(?:is|are|was) no (?:path|number|integer|file|image|kernel|name|text)\b",
    "a noun, not what it was": r"\bwhat it (?:was|is|has)\b",
    "integer, bool, directory": r"\bwhole numbers?\b|\btruth values?\b|\bfolders?\b",
    "in advance, available, distinguish": r"\bbeforehand\b|\bat hand\b|\btold from\b",
    "bit-identical, resume": r"\bthe same bytes\b|\bgo(?:es)? on from\b|\bgone on with\b",
    "no correction, not none": r"\bNone for (?:none|not at all|as they are)\b",
}

#: File and matched text that are right as they are.
EXCEPTIONS = {
    ("classical/rate.py", "law"),  # a power law is a function, not a distribution
}

#: Words with which a field's description is a fragment that continues the field's name.
FRAGMENT = re.compile(r"(?:Of|For|By|In|With|From|As|That|Which|What|Not|Where|How|So)\b")


class Text(NamedTuple):
    """Prose of one place."""

    place: str
    kind: str
    words: str


def _docstrings(path: Path) -> Iterator[tuple[int, str, str]]:
    """Line, kind ("field" or "docstring") and text of every docstring."""
    for node in ast.walk(ast.parse(path.read_text())):
        body = getattr(node, "body", None)
        for number, part in enumerate(body if isinstance(body, list) else []):
            value = part.value if isinstance(part, ast.Expr) else None
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                field = number > 0 and isinstance(body[number - 1], ast.AnnAssign)
                yield part.lineno, "field" if field else "docstring", value.value


def _messages(path: Path) -> Iterator[tuple[int, str]]:
    """Line and words of texts that code contains, docstrings excluded; places for values as N."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node):
            if isinstance(node, ast.Expr | ast.JoinedStr):
                continue
            text = ""
            if isinstance(child, ast.Constant) and isinstance(child.value, str):
                text = child.value
            elif isinstance(child, ast.JoinedStr):
                parts = (part for part in child.values)
                text = "".join(
                    str(part.value) if isinstance(part, ast.Constant) else "N" for part in parts
                )
            if len(re.findall(r"[a-z]{2,}", text)) >= 4:
                yield node.lineno if hasattr(node, "lineno") else 0, text


def _comments(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text of every comment that begins a line."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if found := re.match(r"\s*#:? (.*)", line):
            yield number, found.group(1)


@functools.cache
def texts() -> list[Text]:
    """Everything that people read."""
    return list(_texts())


def _texts() -> Iterator[Text]:
    for path in (*CODE, *TESTS):
        name = str(path.relative_to(ROOT))
        for line, kind, text in _docstrings(path):
            yield Text(f"{name}:{line}", kind, text)
        for line, text in _messages(path) if path in CODE else ():
            yield Text(f"{name}:{line}", "message", text)
        for line, text in _comments(path):
            yield Text(f"{name}:{line}", "comment", text)
    for path in PAGES:
        blank = re.sub(r"```.*?```|\$\$.*?\$\$", "", path.read_text(), flags=re.S)
        for block in re.split(r"\n\s*\n|\n(?=\s*(?:[-*|]|\d+\.) )", blank):
            yield Text(str(path.relative_to(ROOT)), "page", block)
    for path in NOTEBOOKS:
        for number, cell in enumerate(json.loads(path.read_text())["cells"]):
            if cell["cell_type"] == "markdown":
                text = re.sub(r"```.*?```|\$\$.*?\$\$", "", "".join(cell["source"]), flags=re.S)
                for block in re.split(r"\n\s*\n|\n(?=\s*(?:[-*|]|\d+\.) )", text):
                    yield Text(f"{path.relative_to(ROOT)} cell {number}", "notebook", block)


def prose(text: str) -> str:
    """A text without examples and sources; code and formulas as one word."""
    text = re.sub(r"^ *(Example|Source):\n(?:\n|^ {4,}.*\n?)*", "", text, flags=re.M)
    text = re.sub(r"^\s*(>>>|\.\.\.).*", "", text, flags=re.M)
    text = re.sub(r"``[^`]*``|`[^`]*`|\$[^$]*\$", "CODE", text)
    return re.sub(r"\]\([^)]*\)", "]", text)


def sentences(text: str) -> Iterator[str]:
    """Sentences of three words or more, descriptions of arguments and table cells apart."""
    text = re.sub(r"^\s*(Args|Returns|Raises|Yields):\s*$", ".", prose(text), flags=re.M)
    text = re.sub(r"\n\s*\n|\||^\s*[-*] |^#+ .*$|^ *\w+: ", ". ", text, flags=re.M)
    for part in re.split(r"[.!?](?=[\s*_\")]|$)", text):
        sentence = " ".join(part.split())
        if len(re.findall(r"[A-Za-z][\w'-]*", sentence)) >= 3:
            yield sentence


def report(found: list[str]) -> str:
    """What was found, a line each."""
    return f"{len(found)} found:\n" + "\n".join(found)


@pytest.mark.parametrize("reason", PATTERNS)
def test_words_of_the_field(reason):
    """See the reference's glossary."""
    found = [
        f"{text.place} {match.group()!r}: {reason}"
        for text in texts()
        for match in re.finditer(PATTERNS[reason], " ".join(prose(text.words).split()), re.I)
        if (text.place.partition(":")[0], match.group()) not in EXCEPTIONS
    ]
    assert not found, report(found)


def test_fields_are_complete_phrases():
    """A description can be read without the field's name before it."""
    found = [
        f"{text.place}: {' '.join(text.words.split())[:80]}"
        for text in texts()
        if text.kind == "field" and FRAGMENT.match(text.words.strip())
    ]
    assert not found, report(found)


def test_raises_begins_with_if():
    """As NumPy and Qiskit write it."""
    entry = re.compile(r"^\s+\w*(?:Error|Warning|Exception|Interrupt): (?!If\b).*", re.M)
    found = [
        f"{text.place}:{match.group().strip()}"
        for text in texts()
        for section in re.findall(r"Raises:\n(.*?)(?:\n\s*\n|\Z)", text.words, re.S)
        for match in entry.finditer(section)
    ]
    assert not found, report(found)


def test_few_long_sentences():
    """At most one sentence in twenty has more than 25 words."""
    all_of_them = [
        (text.place, sentence)
        for text in texts()
        if text.kind != "comment"
        for sentence in sentences(text.words)
    ]
    found = [
        f"{place}: {sentence}"
        for place, sentence in all_of_them
        if len(re.findall(r"[A-Za-z][\w'-]*", sentence)) > 25
    ]
    assert len(found) <= 0.05 * len(all_of_them), report(found)


def test_little_stands_for_a_noun():
    """ "That of" and "those of" make a reader look back for the noun."""
    counted = [len(re.findall(r"\b(?:that|those) of\b", prose(text.words))) for text in texts()]
    number = sum(1 for text in texts() for _ in sentences(text.words))
    assert sum(counted) <= 0.01 * number, f"{sum(counted)} in {number} sentences"
