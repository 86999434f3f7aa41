"""The options for the kernel, which the commands share: a name with options, or a file."""

from __future__ import annotations

import argparse
import re
import textwrap
from pathlib import Path
from typing import Any

from qconv.cli.options import UsageError
from qconv.kernels import (
    KERNEL_NAMES,
    describe_kernel,
    kernel_options,
    named_kernel,
    similar_kernels,
)

#: File name endings of the formats of a kernel.
KERNEL_FILES = (".npy", ".csv", ".txt", ".tsv")


def add_kernel(group: argparse._ArgumentGroup, listed: str) -> None:
    """Add the options for the kernel, see `kernel_of`; ``listed`` states where they are listed."""
    group.add_argument(
        "--kernel",
        default="edge",
        metavar="NAME|FILE",
        help=f"name of a kernel, see {listed}, with its options after a colon, as in "
        "gaussian:sigma=2,size=9; or a .npy, .csv, .txt or .tsv file (default: edge)",
    )
    group.add_argument("--size", type=int, metavar="N", help="short for --kernel NAME:size=N")
    group.add_argument("--sigma", type=float, metavar="S", help="short for --kernel NAME:sigma=S")


def list_kernels() -> str:
    """Return one line per kernel: its name or the names of a family, and its options."""
    lines = {}
    for name in KERNEL_NAMES:
        shown = f"{name[:-2]}-x, -y, -z" if name[-2:] in ("-x", "-y", "-z") else name
        own = ", ".join(_options(name))
        text = f"{describe_kernel(name)}{f' ({own})' if own else ''}"
        lines[shown] = textwrap.fill(
            text, 98, initial_indent=f"  {shown:<25}", subsequent_indent=" " * 27
        )
    return "\n".join(lines.values())


def _options(name: str) -> list[str]:
    """Return the options of a kernel except the number of axes, which the picture determines."""
    return [option for option in kernel_options(name) if option != "ndim"]


def kernel_of(options: argparse.Namespace, ndim: int = 2) -> Any:
    """Return the kernel that --kernel, --size and --sigma describe.

    Args:
        options: Options of `add_kernel`.
        ndim: Number of axes of the kernel.

    Raises:
        UsageError: If there is no such kernel or file, or an option does not apply.
    """
    text: str = options.kernel
    short = {name: getattr(options, name) for name in ("size", "sigma")}
    short = {name: value for name, value in short.items() if value is not None}
    if Path(text).suffix.lower() in KERNEL_FILES:
        from qconv.cli.kernel_files import read_kernel

        for name in short:
            raise UsageError(
                f"--{name}: applies only to named kernels, but --kernel is the file '{text}'"
            )
        return read_kernel(Path(text), ndim)
    name, _, listed = text.partition(":")
    if Path(name).suffix.lower() in KERNEL_FILES:
        raise UsageError(f"--kernel: expected no options after the file '{name}', got '{listed}'")
    named = re.split("[,=]", name)[0]
    if named != name and named in KERNEL_NAMES:
        raise UsageError(f"--kernel: expected a colon before the options of {named}, got '{text}'")
    if name not in KERNEL_NAMES:
        raise UsageError(
            f"--kernel: expected one of {', '.join(KERNEL_NAMES)}, or a file ending in "
            f"{', '.join(KERNEL_FILES)}, got '{name}'{similar_kernels(name)}"
        )
    given = _parsed(name, listed)
    for option, value in short.items():
        if option in given:
            raise UsageError(f"--{option}: already set to {given[option]} by --kernel")
        if option not in _options(name):
            raise UsageError(f"--{option}: {_wrong(name, option)}")
        given[option] = value
    try:
        return named_kernel(name, ndim=ndim, **given)
    except (TypeError, ValueError) as error:
        raise UsageError(f"--kernel: {error}") from error


def _parsed(name: str, listed: str) -> dict[str, Any]:
    """Parse the options of a kernel, such as ``sigma=2,size=9``."""
    given: dict[str, Any] = {}
    for part in filter(None, listed.split(",")):
        option, _, value = (piece.strip() for piece in part.partition("="))
        if option not in _options(name):
            raise UsageError(f"--kernel: {_wrong(name, option)}")
        if option in given:
            raise UsageError(f"--kernel: {option} is given twice in '{listed}'")
        try:
            given[option] = int(value) if value.lstrip("+-").isdecimal() else float(value)
        except ValueError:
            raise UsageError(f"--kernel: {option}: expected a number, got '{value}'") from None
    return given


def _wrong(name: str, option: str) -> str:
    own = _options(name)
    wanted = f"expected {', '.join(own)}" if own else "it has no options"
    return f"unexpected option '{option}' of {name}; {wanted}"
