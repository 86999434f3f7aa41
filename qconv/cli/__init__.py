"""The command line: selection of the command, errors in one line, and the exit status."""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from collections.abc import Sequence

from qconv.cli.streams import open_closed_streams, print_out, say

#: Commands other than the convolution.
_COMMANDS = ("match", "estimate", "plan", "explore")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status.

    0: success. 1: some of several pictures failed. 2: wrong input. 130: interrupted.
    """
    given = _without_dashes(sys.argv[1:] if arguments is None else list(arguments))
    open_closed_streams()
    try:
        tables, status = _run(given)
    except KeyboardInterrupt as interrupt:
        say(str(interrupt) or "interrupted; nothing was written")
        if arguments is None:  # otherwise the interpreter waits for the running simulation
            os._exit(130)
        return 130
    except SystemExit:  # after --help and --version
        if print_out(""):
            return 2
        raise
    except BrokenPipeError:  # from the reader of the picture
        say("the reading end of a pipe was closed; nothing else was written")
        return 2
    except MemoryError as error:
        say(str(error) or "there is not enough memory")
        return 2
    except OSError as error:
        named = f": '{error.filename}'" if error.filename else ""
        say(f"{error.strerror}{named}" if error.strerror else str(error))
        return 2
    except (ValueError, TypeError, ModuleNotFoundError) as error:
        say(str(error))
        return 2
    try:
        return print_out(tables) or status
    except KeyboardInterrupt:
        say("interrupted; all files had already been written")
        return 130


def _without_dashes(given: list[str]) -> list[str]:
    """Remove ``--``, and write the files after it such that none is taken for an option.

    ``-`` remains standard input.
    """
    if "--" not in given:
        return given
    place = given.index("--")
    files = [
        f"./{name}" if name in _COMMANDS or (name.startswith("-") and name != "-") else name
        for name in given[place + 1 :]
    ]
    return given[:place] + files


def _run(given: list[str]) -> tuple[str, int]:
    """Parse the options of the requested command before the slow imports, then run the command."""
    if given and given[0] in _COMMANDS:
        command = importlib.import_module(f"qconv.cli.{given[0]}")
        return command.run(command.parsed(given[1:])), 0
    if given and given[0].isalpha() and not os.path.exists(given[0]):
        similar = difflib.get_close_matches(given[0], _COMMANDS, n=1)
        if similar:
            raise ValueError(
                f"expected a picture or a command, got '{given[0]}'; did you mean '{similar[0]}'?"
            )
    from qconv.cli import convolve_options

    options = convolve_options.parsed(given)
    from qconv.cli import convolve

    return convolve.run(options)
