"""The command ``qconv``: a picture in; the picture that a quantum circuit measured, out."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from qconv.cli import convolve, match
from qconv.cli.options import UsageError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status: 0, 2 for wrong input, 130 if interrupted."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        if given[:1] == ["match"]:
            match.run(given[1:])
        else:
            convolve.run(given)
    except BrokenPipeError:  # whoever read the tables has gone; the files are written
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  (until the interpreter exits)
        return 0
    except KeyboardInterrupt:
        print("qconv: interrupted; nothing was written", file=sys.stderr)
        return 130
    except (UsageError, ValueError, TypeError, OSError, ModuleNotFoundError, MemoryError) as error:
        print(f"qconv: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    return 0
