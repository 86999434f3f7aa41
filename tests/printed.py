"""Comparing quoted output with what was printed: words to the letter, numbers by value.

The last digits of a number in full precision depend on the processor and on the versions of NumPy
and SciPy, and a difference that is pure rounding depends on nothing else. All other digits must be
the same.
"""

import doctest
import re

#: Relative difference of two numbers that differ by rounding only.
ROUNDING = 1e-9

#: Numbers below this limit are rounding errors, which differ between machines.
NOISE = 1e-11

NUMBER = re.compile(
    r"(?<![\w.])[-+]?(?:\d[\d,]*(?:\.(?!\.)\d*)?|\.\d+)(?:e[-+]?\d+)?(?!\w)", re.IGNORECASE
)


def same_number(one, other):
    """Return whether two printed numbers differ at most by rounding."""
    if one == other:
        return True
    if not {"e", "."} & {*one.lower()} and not {"e", "."} & {*other.lower()}:
        return False  # integers
    a, b = (float(text.replace(",", "")) for text in (one, other))
    return max(abs(a), abs(b)) < NOISE or abs(a - b) <= ROUNDING * max(abs(a), abs(b))


def same_output(shown, printed):
    """Return whether output equals the quoted text of a page, a docstring or a notebook.

    Runs of white space are equal, and ``...`` stands for anything.
    """
    pattern, start = [], 0
    cut = [
        number.end() for number in NUMBER.finditer(shown) if shown.startswith("...", number.end())
    ]
    numbers = [number for number in NUMBER.finditer(shown) if number.end() not in cut]
    for number in numbers:
        pattern += [_words(shown[start : number.start()]), f"({NUMBER.pattern})"]
        start = number.end()
    pattern.append(_words(shown[start:]))
    found = re.fullmatch(r"\s*" + "".join(pattern) + r"\s*", printed, re.DOTALL | re.IGNORECASE)
    return found is not None and all(
        same_number(number[0], text) for number, text in zip(numbers, found.groups(), strict=True)
    )


def _words(text):
    """Return a pattern for text without numbers."""
    parts = re.split(r"(\s+|\.\.\.)", text)
    return "".join(
        r"\s+" if part.isspace() else ".*?" if part == "..." else re.escape(part) for part in parts
    )


class OutputChecker(doctest.OutputChecker):
    """A doctest checker that compares numbers by value."""

    def check_output(self, want, got, optionflags):
        """Return whether ``got`` equals the output in the docstring."""
        return super().check_output(want, got, optionflags) or same_output(want, got)
