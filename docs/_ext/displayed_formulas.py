"""Formulas in docstrings, indented below a sentence, shown as they are typed.

In reStructuredText an indented paragraph is a quotation, whose asterisks mean emphasis. In the
docstrings of this project it is a formula or code, so it becomes a literal block.
"""

import re

_INDENTED = re.compile(r"    \S")
_BLOCK_STARTS = re.compile(r"\s*(\.\. |[-*] |\d+\. |:|>>> |={3,})")


def shown_as_typed(app, what, name, obj, options, lines):
    """Put ``::`` before every indented paragraph that follows a line of text."""
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
    """Let autodoc call it for every docstring, after napoleon."""
    app.connect("autodoc-process-docstring", shown_as_typed, priority=900)
    return {"version": "1", "parallel_read_safe": True}
