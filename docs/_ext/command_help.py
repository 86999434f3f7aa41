"""``command-help``: what a command prints for ``--help``, asked of it while the page is built."""

import os
import subprocess
import sys

from docutils import nodes
from docutils.parsers.rst import Directive


class CommandHelp(Directive):
    """The output of ``python -m qconv ... --help``, as a literal block."""

    has_content = False
    optional_arguments = 1
    final_argument_whitespace = True

    def run(self):
        """Run the command, whose help must be there."""
        words = " ".join(self.arguments).split()
        printed = subprocess.run(
            [sys.executable, "-m", "qconv", *words, "--help"],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "COLUMNS": "90"},
        ).stdout
        block = nodes.literal_block(printed, printed)
        block["language"] = "text"
        return [block]


def setup(app):
    """Make the directive known."""
    app.add_directive("command-help", CommandHelp)
    return {"version": "1", "parallel_read_safe": True}
