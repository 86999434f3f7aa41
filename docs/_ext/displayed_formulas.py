"""Formulas in docstrings, indented below a sentence, shown as they are typed.

In reStructuredText an indented paragraph is a quotation, whose asterisks mean emphasis. In the
docstrings of this project it is a formula or code, so it becomes a literal block. And what stands
before the first colon of an attribute's description is no type, as napoleon takes it to be.
"""

import re

_INDENTED = re.compile(r"    \S")
_BLOCK_STARTS = re.compile(r"\s*(\.\. |[-*] |\d+\. |:|>>> |={3,})")


_ATTRIBUTES: dict[str, list[str]] = {}


def as_written(app, what, name, obj, options, lines):
    """Keep an attribute's description before napoleon reads it."""
    if what == "attribute":
        _ATTRIBUTES[name] = list(lines)


def shown_as_typed(app, what, name, obj, options, lines):
    """Put ``::`` before every indented paragraph that follows a line of text."""
    lines[:] = _ATTRIBUTES.get(name, lines)
    found = []
    for number, line in enumerate(lines):
        before = next((text for text in reversed(lines[:number]) if text.strip()), "")
        opens = number > 0 and not lines[number - 1].strip() and _INDENTED.match(line)
        if (
            opens
            and not before.startswith(" ")
            and not before.endswith("::")
            and not _BLOCK_STARTS.match(line)
            and not _BLOCK_STARTS.match(before)
        ):
            found += ["::", ""]
        found.append(line)
    lines[:] = found


def setup(app):
    """Let autodoc call these for every docstring, before napoleon and after it."""
    app.connect("autodoc-process-docstring", as_written, priority=1)
    app.connect("autodoc-process-docstring", shown_as_typed, priority=900)
    return {"version": "1", "parallel_read_safe": True}
