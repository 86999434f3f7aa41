"""Printing to standard output and standard error, which may be closed, full or unread."""

from __future__ import annotations

import os
import sys


def open_closed_streams() -> None:
    """Replace closed standard streams by the null device.

    Otherwise the next opened file would get the descriptor of the closed stream, and printed text
    would be written to that file.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is not None:
            continue
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # opens the lowest free descriptor: ``number``
        setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115  (until the interpreter exits)


def say(message: str) -> None:
    """Print a message as one line on standard error, if possible."""
    line = " ".join(message.split())
    try:
        print(f"qconv: {line}", file=sys.stderr, flush=True)
    except OSError:
        _discard("stderr")


def print_out(text: str) -> int:
    """Print on standard output; return the exit status, 0 even if the reader was closed."""
    try:
        try:
            print(text, end="", flush=True)
        except UnicodeEncodeError as error:
            print(text.encode(error.encoding, "backslashreplace").decode(error.encoding), end="")
            sys.stdout.flush()
    except BrokenPipeError:
        _discard("stdout")
    except OSError as error:
        _discard("stdout")
        say(f"standard output: {error.strerror}")
        return 2
    return 0


def _discard(name: str) -> None:
    """Drop unprinted text, which the interpreter would otherwise print again at exit."""
    setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
