"""The command ``qconv plan``: what every method would cost for one picture; nothing runs."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from qconv.cli.options import (
    Parser,
    UsageError,
    add_photograph,
    named_backend,
    read_photograph,
    require_extras,
)
from qconv.grid import BOUNDARIES, MODES

_DESCRIPTION = """\
Compare what every method would cost to convolve a picture; no circuit runs.

Either an error is named with --tolerance, and the methods are sorted by the oracle calls
that reach it; or a number of executions with --executions, and they are sorted by the error
that these leave. Colours count by their brightness.
"""

_EPILOG = """\
examples:
  qconv plan --tolerance 5                 a photograph, no standard error above 5 grey levels
  qconv plan photo.jpg --executions 1000000 --kernel sharpen
  qconv plan --tolerance 5 --backend marrakesh
"""


def parser() -> Parser:
    """All options."""
    made = Parser("qconv plan", _DESCRIPTION, _EPILOG)
    what = made.add_argument_group("what to convolve")
    add_photograph(what)
    what.add_argument(
        "--kernel", default="edge", metavar="NAME", help="by name, as for qconv (default: edge)"
    )
    what.add_argument("--mode", choices=MODES, default="same")
    what.add_argument("--boundary", choices=BOUNDARIES, default="symm")
    how = made.add_argument_group("at which cost")
    how.add_argument(
        "--tolerance",
        type=float,
        metavar="E",
        help="the largest standard error of a pixel, in grey levels",
    )
    how.add_argument("--executions", type=int, metavar="N", help="of all circuits together, about")
    how.add_argument(
        "--backend",
        metavar="NAME",
        help="for which gates are counted, as for qconv (default: the ideal simulator)",
    )
    return made


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """The options of a call; raises a `UsageError` unless one of tolerance and executions is."""
    options = parser().parse_args(arguments)
    if (options.tolerance is None) == (options.executions is None):
        raise UsageError("expected either --tolerance or --executions")
    return options


def run(options: argparse.Namespace) -> str:
    """Lay every method out and compare; returns what to print."""
    require_extras()
    import qconv
    from qconv.kernels import KERNEL_NAMES

    if options.kernel not in KERNEL_NAMES:
        names = ", ".join(KERNEL_NAMES)
        raise UsageError(f"--kernel: expected one of {names}, got '{options.kernel}'")
    image = read_photograph(options.image)
    compared = qconv.compare_methods(
        image if image.ndim == 2 else image.mean(axis=2),
        qconv.named_kernel(options.kernel),
        tolerance=options.tolerance,
        executions=options.executions,
        mode=options.mode,
        boundary=options.boundary,
        backend=None if options.backend is None else named_backend(options.backend),
    )
    size = " x ".join(map(str, image.shape))
    return f"input {size}, kernel {options.kernel}\n\n{compared}"
