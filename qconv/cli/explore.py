"""The command ``qconv explore``: the page that plays, opened in the browser."""

from __future__ import annotations

import argparse
import webbrowser
from collections.abc import Sequence
from pathlib import Path

from qconv.cli.options import Parser, UsageError

_PACKAGE = Path(__file__).resolve().parent.parent

#: Where the page lies: in an installation, and in the sources.
PLACES = (_PACKAGE / "explore", _PACKAGE.parent / "docs" / "explore")

_DESCRIPTION = """\
Open a page on which shots of a kernel's circuit fall on a photograph, and its convolution emerges.

It is one file with a few beside it, for any browser, and needs no network: pictures of yours
stay in it. The page draws from the law that the circuit prepares; it simulates no circuit.
"""

_EPILOG = """\
examples:
  qconv explore                            open it in the default browser
  qconv explore --print                    say where it is
"""


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """The options of a call."""
    made = Parser("qconv explore", _DESCRIPTION, _EPILOG)
    made.add_argument(
        "--print",
        action="store_true",
        dest="only_print",
        help="print the path of the page, and open nothing",
    )
    return made.parse_args(arguments)


def run(options: argparse.Namespace) -> str:
    """Run the command; returns what to print."""
    pages = [place / "index.html" for place in PLACES]
    page = next(filter(Path.is_file, pages), None)
    if page is None:
        raise UsageError(f"explore: expected a page in {PLACES[0]}, found none; install qconv anew")
    if options.only_print:
        return f"{page}\n"
    opened = webbrowser.open(page.as_uri())
    return f"{page.as_uri()}\n" + ("" if opened else "found no browser; open this address in one\n")
