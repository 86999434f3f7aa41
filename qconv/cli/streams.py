"""Standard output and standard error, which may be closed, full, or without a reader."""

from __future__ import annotations

import os
import sys


def open_closed_streams() -> None:
    """Give a process that was started without any of the standard streams an empty one.

    Otherwise the next file that is opened would take its number, and what is printed would end
    up in there.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is not None:
            continue
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the least number that is free, which is this
        setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115  (until the interpreter exits)


def say(message: str) -> None:
    """Print one line for the person on standard error, if it can be."""
    line = " ".join(message.split())
    try:
        print(f"qconv: {line}", file=sys.stderr, flush=True)
    except OSError:
        _discard("stderr")


def print_out(text: str) -> int:
    """Print on standard output; returns the exit status, which is 0 if its reader has gone."""
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
    """Forget what could not be printed, which the interpreter would try again when it exits."""
    setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
