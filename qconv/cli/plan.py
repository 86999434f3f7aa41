"""The command ``qconv plan``, which compares the costs of all methods without running circuits."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from qconv.cli.kernels import add_kernel, kernel_of
from qconv.cli.options import (
    Parser,
    UsageError,
    add_geometry,
    add_photograph,
    brightness,
    named_backend,
    only_picture,
    read_photograph,
    require_extras,
    shots,
)

_DESCRIPTION = """\
Compare the costs of all methods for the convolution of a picture, without running circuits.

With --tolerance, the methods are sorted by the number of oracle calls that they need to reach
the tolerance. With --executions, the methods are sorted by their error with this number of
executions. Exactly one of these two options is required. A colour picture is converted to its
luminance.
"""

_EPILOG = """\
examples:
  qconv plan --tolerance 5                 no standard error above 5 grey levels
  qconv plan photo.jpg --executions 1000000 --kernel sharpen
  qconv plan photo.jpg --tolerance 5 --kernel my_kernel.csv
  qconv plan --tolerance 5 --backend marrakesh
"""


def parser() -> Parser:
    """Return the parser of all options."""
    made = Parser("qconv plan", _DESCRIPTION, _EPILOG)
    what = made.add_argument_group("what to convolve")
    add_photograph(what)
    add_kernel(what, "see qconv --help")
    add_geometry(what)
    how = made.add_argument_group("error or cost")
    how.add_argument(
        "--tolerance",
        type=float,
        metavar="E",
        help="maximum standard error of any pixel, in the unit of the picture",
    )
    how.add_argument(
        "--executions",
        type=shots,
        metavar="N",
        help="approximate total number of executions of all circuits",
    )
    how.add_argument(
        "--backend",
        metavar="NAME",
        help="name of a backend, as for qconv; circuits are transpiled for this backend before "
        "their gates are counted (default: the ideal simulator)",
    )
    return made


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the arguments; raise a `UsageError` unless one of tolerance and executions is set."""
    options = parser().parse_args(arguments)
    if (options.tolerance is None) == (options.executions is None):
        raise UsageError("expected either --tolerance or --executions")
    return options


def run(options: argparse.Namespace) -> str:
    """Compare the plans of all methods; return the text to print."""
    require_extras()
    import qconv

    kernel = kernel_of(options)
    picture = only_picture(read_photograph(options.image), "IMAGE", options.image)
    compared = qconv.compare_methods(
        brightness(picture.numbers),
        kernel,
        tolerance=options.tolerance,
        executions=options.executions,
        mode=options.mode,
        boundary=options.boundary,
        backend=None if options.backend is None else named_backend(options.backend),
        progress=sys.stderr.isatty(),
    )
    size = " x ".join(map(str, picture.numbers.shape[:2]))
    colour = " (luminance)" if picture.axes.endswith("S") else ""
    return f"input {size}{colour}, kernel {Path(options.kernel).name}\n\n{compared}"
