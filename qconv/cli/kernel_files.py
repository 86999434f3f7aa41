"""Reading kernels from NumPy files, and from text files of editors and spreadsheets."""

from __future__ import annotations

import codecs
import csv
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qconv.cli.options import UsageError

#: A number, with a comma or a point as the decimal separator.
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)(e[+-]?\d+)?|[+-]?(nan|inf(inity)?)", re.I)


def read_kernel(path: Path, ndim: int = 2) -> NDArray[Any]:
    """Read a kernel with ``ndim`` axes; if there are two, one may have the length 1.

    Args:
        path: A ``.npy`` file, or text with one row per line and columns separated by commas,
            semicolons, tabs or spaces. If columns are not separated by commas, a comma can be the
            decimal separator. Empty lines, quotes, separators at the end of a line and comments
            after ``#`` are ignored.
        ndim: Number of axes.

    Raises:
        UsageError: If the file does not exist, or is not a table of numbers.
    """
    if not path.is_file():
        raise UsageError(f"--kernel: no such file: '{path}'")
    try:
        if path.suffix.lower() == ".npy":
            kernel: NDArray[Any] = np.load(path, allow_pickle=False)
            if not isinstance(kernel, np.ndarray):
                raise ValueError("it is an archive of arrays")
        else:
            data = path.read_bytes()
            wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
            # All other encodings represent numbers in the same way.
            text = data.decode("utf-16" if wide else "utf-8-sig", errors="replace")
            kernel = np.array(_table(text))
    except Exception as error:  # readers raise errors of many types
        raise UsageError(f"--kernel: '{path}' is not an array of numbers ({error})") from error
    if kernel.ndim != ndim:
        raise UsageError(f"--kernel: expected {ndim} axes in '{path}', got shape {kernel.shape}")
    return kernel


def _table(text: str) -> list[list[float]]:
    """Parse a table of numbers whose rows have the same length."""
    lines = [line.split("#", 1)[0].strip(" ") for line in text.splitlines()]
    lines = [line for line in lines if line]
    separators: list[str | None] = [None]
    if lines and (
        told := re.fullmatch("sep=(.)", lines[0], re.I)
    ):  # the separator line of a spreadsheet
        separators, lines = [told[1]], lines[1:]
    elif any(";" in line for line in lines):
        separators = [";"]
    elif any("," in line for line in lines):
        tabs = any("\t" in line for line in lines)
        separators = ["\t", ","] if tabs else [","]
    for separator in separators[:-1]:
        with suppress(ValueError):
            return _rows(lines, separator)
    return _rows(lines, separators[-1])


def _rows(lines: list[str], separator: str | None) -> list[list[float]]:
    """Parse lines whose columns are separated by one character; None for any blanks."""
    if separator is None:
        cells = [line.replace('"', " ").split() for line in lines]
    else:
        cells = list(csv.reader(lines, delimiter=separator, skipinitialspace=True))
    rows = []
    for row in cells:
        while row and not row[-1].strip():
            row.pop()
        if row:
            rows.append([_number(cell.strip(), decimal_comma=separator != ",") for cell in row])
    if not rows:
        raise ValueError("file is empty")
    if separator != "," and all(
        any(mark in cell for row in cells for cell in row) for mark in ",."
    ):
        raise ValueError("both points and commas are used as decimal separators")
    for place, numbers in enumerate(rows, 1):
        if len(numbers) != len(rows[0]):
            raise ValueError(f"row {place} has {len(numbers)} columns, row 1 has {len(rows[0])}")
    return rows


def _number(cell: str, *, decimal_comma: bool) -> float:
    """Parse the number in a cell."""
    plain = cell.replace("\N{MINUS SIGN}", "-")
    if not _NUMBER.fullmatch(plain) or ("," in plain and not decimal_comma):
        shown = cell if len(cell) <= 20 else f"{cell[:20]}..."
        raise ValueError(f"expected a number, got {shown!r}")
    return float(plain.replace(",", "."))
