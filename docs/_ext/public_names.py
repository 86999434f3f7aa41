"""``public-names``: every documented function and class with one line, page by page.

The line is the first paragraph of the docstring. Names and their order are those of the pages that
the table of contents of the same page lists.
"""

import importlib
import inspect
import re
from operator import attrgetter

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.ext.autodoc.mock import mock
from sphinx.util.nodes import make_refnode

KINDS = ("function", "class")


class names_of_pages(nodes.General, nodes.Element):  # noqa: N801
    """Stands for the tables until every page has been read."""


class PublicNames(Directive):
    """The place of the tables."""

    def run(self):
        """Leave the place empty for now."""
        return [names_of_pages("")]


def summary(name):
    """The first paragraph of the docstring of a name."""
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        try:
            home = importlib.import_module(".".join(parts[:length]))
            thing = attrgetter(".".join(parts[length:]))(home)
        except (ImportError, AttributeError):
            continue
        return " ".join(inspect.getdoc(thing).split("\n\n")[0].split())
    raise ImportError(name)


def cell(*children):
    """One entry of a table."""
    return nodes.entry("", nodes.paragraph("", "", *children))


def described(text):
    """A line of a docstring, with its code and its emphasis."""
    parts = re.split(r"(?::\w+:)?(`{1,2})([^`]+)\1|\*(\w[\w ]*)\*", text)
    yield nodes.Text(parts[0])
    for _, code, word, after in zip(*(parts[first::4] for first in (1, 2, 3, 4)), strict=True):
        yield nodes.literal("", code) if code else nodes.emphasis("", word)
        yield nodes.Text(after)


def table(rows):
    """Two columns: a linked name and its line."""
    group = nodes.tgroup("", *(nodes.colspec(colwidth=width) for width in (35, 65)), cols=2)
    group += nodes.tbody("", *(nodes.row("", *row) for row in rows))
    return nodes.table("", group, classes=["public-names"])


def filled(app, doctree, docname):
    """Put the tables where the directive stands."""
    env = app.env
    for place in list(doctree.findall(names_of_pages)):
        found = []
        objects = env.domains.python_domain.objects
        for page in env.toctree_includes[docname]:
            rows = []
            for name, entry in objects.items():
                if entry.docname == page and entry.objtype in KINDS and not entry.aliased:
                    code = nodes.literal("", name)
                    link = make_refnode(app.builder, docname, page, entry.node_id, code, name)
                    rows.append((cell(link), cell(*described(summary(name)))))
            if rows:
                title = nodes.Text(env.titles[page].astext())
                found += [
                    nodes.rubric("", "", make_refnode(app.builder, docname, page, "", title)),
                    table(rows),
                ]
        place.replace_self(found)


def filled_with_mocks(app, doctree, docname):
    """Fill the page although packages such as PyTorch need not be installed."""
    with mock(app.config.autodoc_mock_imports):
        filled(app, doctree, docname)


def setup(app):
    """Make the directive known, and fill it when all pages are there."""
    app.add_node(names_of_pages)
    app.add_directive("public-names", PublicNames)
    app.connect("doctree-resolved", filled_with_mocks)
    return {"version": "1", "parallel_read_safe": True}
