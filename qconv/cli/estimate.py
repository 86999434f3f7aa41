"""The command ``qconv estimate``, which measures one number of a filtered picture."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from qconv.cli.convolve_options import METHODS
from qconv.cli.observables import add_question, observables_of, read_question
from qconv.cli.options import (
    Parser,
    UsageError,
    add_checkpoint,
    checkpoint_of,
    named_backend,
    shots,
)

_DESCRIPTION = """\
Estimate a number of a filtered picture, such as the energy of its edges, without reading out the
picture. A colour picture is converted to its luminance.

Numbers are in the unit of the picture; energies are in the square of this unit.
"""

_EPILOG = """\
examples:
  qconv estimate --boundary wrap                    energy of the edges of a photograph
  qconv estimate --boundary wrap --estimator amplitude --relative 0.01
  qconv estimate --shots 1000000 --checkpoint run.npz    resumes if interrupted
  qconv estimate --observable mean --region 20:36,45:61 --kernel gaussian --method diffusion
"""


def parser() -> Parser:
    """Return the parser of all options."""
    made = Parser("qconv estimate", _DESCRIPTION, _EPILOG)
    add_question(made, "what to estimate", "default: energy")
    how = made.add_argument_group("how to estimate it")
    how.add_argument(
        "--method",
        choices=METHODS,
        default="fourier",
        help="method, with its default options (default: fourier)",
    )
    how.add_argument(
        "--shots",
        type=shots,
        metavar="N",
        help="total number of oracle calls (default: 10000)",
    )
    how.add_argument(
        "--tolerance", type=float, metavar="E", help="standard error to reach, instead of --shots"
    )
    how.add_argument(
        "--relative",
        type=float,
        metavar="E",
        help="standard error to reach, as a fraction of the number, instead of --shots",
    )
    how.add_argument("--exact", action="store_true", help="exact expectation, without shots")
    how.add_argument("--seed", type=int, metavar="N", help="seed of all random numbers")
    add_checkpoint(how)
    how.add_argument(
        "--backend",
        metavar="NAME",
        help="name of a backend, as for qconv (default: the ideal simulator)",
    )
    return made


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the arguments; raise a `UsageError` for more than one kind of shots."""
    options = parser().parse_args(arguments)
    kinds = (options.shots, options.tolerance, options.relative)
    if sum(kind is not None for kind in kinds) + options.exact > 1:
        raise UsageError("expected one of --shots, --tolerance, --relative and --exact")
    return options


def run(options: argparse.Namespace) -> str:
    """Estimate the numbers; return the text to print."""
    import qconv

    image, kernel, _, head = read_question(options)
    checkpoint, seed, seeded = checkpoint_of(options, [options.image, options.kernel])
    how: dict[str, Any] = {"seed": seed, "progress": sys.stderr.isatty(), "checkpoint": checkpoint}
    if options.backend is not None:
        how["backend"] = named_backend(options.backend)
    if options.exact or options.shots is not None:
        how["shots"] = options.shots
    elif options.relative is not None:
        how["tolerance"] = ("relative", options.relative)
    elif options.tolerance is not None:
        how["tolerance"] = options.tolerance
    found = qconv.estimate(
        image,
        kernel,
        observables_of(options),
        options.mode,
        options.boundary,
        method=getattr(qconv, METHODS[options.method])(),
        estimator=options.estimator,
        **how,
    )
    return f"{head}, {seeded}\n\n{found}\n"
