"""The options of the command ``qconv match``, apart from what runs it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from qconv.cli.options import Parser, add_outputs, require_sampling

#: Names that the library has too, in a module that takes long to import.
FILTERS = ("phase", "correlation", "normalized")

_DESCRIPTION = """\
Find a small picture in a large one by measuring a quantum circuit.

The amplitudes of the large picture pass a filter made from the small one, between two
quantum Fourier transforms. A shot is one run and measurement of the whole circuit, and gives
one place. The places that most of --shots give are then compared with the small picture,
classically; the most similar is the answer. Prints it, how similar it is, and how sure it is
that no other place is more so; writes the large picture with a box around it, and a figure.
Colours count by their brightness.

filters:
  phase         phases alone: no shot is lost, and the place is a spot of one pixel. Both
                pictures are standardised locally first, classically
  correlation   the plain cross-correlation, means taken away; shots in which one more qubit,
                the flag, does not read 0 are lost
  normalized    the same divided by the norms of all windows, which are computed classically
"""

_EPILOG = """\
examples:
  qconv match                              a coin among coins, to match.png
  qconv match photo.jpg detail.png --out found.png
  qconv match --noise 40 --shots 3000 --seed 1
  qconv match photo.jpg detail.png --filter normalized --shots 1000000
"""


def parser() -> Parser:
    """All options."""
    made = Parser("qconv match", _DESCRIPTION, _EPILOG)
    what = made.add_argument_group("what to find")
    what.add_argument(
        "image",
        nargs="?",
        metavar="IMAGE",
        help="a greyscale or colour picture; without one, the coins that scikit-image carries",
    )
    what.add_argument(
        "template", nargs="?", metavar="TEMPLATE", help="a picture that is no larger, to be found"
    )
    what.add_argument(
        "--noise",
        type=float,
        default=0.0,
        metavar="SD",
        help="add noise of this standard deviation to IMAGE, whose grey levels are 0 to 255 "
        "(default: 0)",
    )
    how = made.add_argument_group("how to find it")
    how.add_argument(
        "--filter", choices=FILTERS, default="phase", help="see above (default: phase)"
    )
    how.add_argument(
        "--shots", type=int, default=10_000, metavar="N", help="shots altogether (default: 10000)"
    )
    how.add_argument(
        "--exact",
        action="store_true",
        help="no shots: what they would average to, computed from the circuit",
    )
    how.add_argument(
        "--seed", type=int, metavar="N", help="repeats a run to the byte (default: a fresh one)"
    )
    add_outputs(made, "match.png", "IMAGE with a box around the place")
    return made


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """The options of a call.

    Raises:
        UsageError: One is wrong, or would change nothing beside another.
    """
    options, given = parser().parse_args(arguments), parser().given(arguments)
    require_sampling(options, given, "shots")
    return options
