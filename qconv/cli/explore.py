"""The command ``qconv explore``, which opens the interactive page in the browser."""

from __future__ import annotations

import argparse
import webbrowser
from collections.abc import Sequence
from pathlib import Path

from qconv.cli.options import Parser, UsageError

_PACKAGE = Path(__file__).resolve().parent.parent

#: Directories of the page: in an installation, and in the source tree.
PLACES = (_PACKAGE / "explore", _PACKAGE.parent / "docs" / "explore")

_DESCRIPTION = """\
Open a page that shows how the convolution of a photograph builds up, shot by shot.

The page consists of one HTML file and a few other files in the same directory. The page runs
in any browser without a network. You can also open your own pictures, which stay in the browser.
The address of the page stores its settings and shots. The page has a mode for teaching a class.
The page does not simulate a circuit. Instead, it samples the outcome probabilities of the
circuit that encodes the kernel.
"""

_EPILOG = """\
examples:
  qconv explore                            open the page in the default browser
  qconv explore --print                    print the path of the page
"""


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the arguments."""
    made = Parser("qconv explore", _DESCRIPTION, _EPILOG)
    made.add_argument(
        "--print",
        action="store_true",
        dest="only_print",
        help="print the path of the page without opening it",
    )
    return made.parse_args(arguments)


def run(options: argparse.Namespace) -> str:
    """Run the command; return the text to print."""
    pages = [place / "index.html" for place in PLACES]
    page = next(filter(Path.is_file, pages), None)
    if page is None:
        raise UsageError(f"explore: expected a page in {PLACES[0]}, found none; reinstall qconv")
    if options.only_print:
        return f"{page}\n"
    opened = webbrowser.open(page.as_uri())
    return f"{page.as_uri()}\n" + (
        "" if opened else "no browser found; open this address in a browser\n"
    )
