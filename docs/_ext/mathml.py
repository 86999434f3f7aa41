r"""Formulas as MathML, converted while the site is built: readers need no script and no network.

A command that the converter does not know would be left in the page as TeX: it is a warning.
"""

import re

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.util import logging

_LOGGER = logging.getLogger(__name__)
#: Bars of magnitudes and kets, which would stand as far apart as the sign of a relation.
_BAR = re.compile(r'<mo(?: stretchy="false")?>&#x0007C;</mo>')
_COMMAND = re.compile(r"\\[A-Za-z]+|[$^_]")


def mathml(node, display):
    """The element for one formula."""
    tex = node.astext().strip()
    element = convert(tex, display=display)
    shown = re.sub(r"<[^>]+>", "", element).replace("&#x0005C;", "\\")
    if left := _COMMAND.findall(shown):
        _LOGGER.warning("formula %r: %s is not converted", tex, left, location=node)
    return _BAR.sub(r'<mo stretchy="false" lspace="0" rspace="0">&#x0007C;</mo>', element)


def inline(self, node):
    """A formula within a line."""
    self.body.append(mathml(node, "inline"))
    raise nodes.SkipNode


def block(self, node):
    """A formula of its own, which scrolls where the page is narrower."""
    self.body.append(f'<div class="math">{mathml(node, "block")}</div>')
    raise nodes.SkipNode


def setup(app):
    """Make the renderer known."""
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"version": "1", "parallel_read_safe": True}
