"""Every page that is a notebook offers the notebook itself, below its title."""

from docutils import nodes
from sphinx import addnodes


def offered(app, doctree):
    """Add the line; Sphinx copies the file, since it is a download."""
    env = app.env
    if env.doc2path(env.docname, base=False).suffix != ".ipynb":
        return
    name = f"{env.docname.rpartition('/')[2]}.ipynb"
    link = addnodes.download_reference("", "", reftarget=name, refdoc=env.docname)
    link += nodes.inline("", f"Download this notebook: {name}")
    heading = next(doctree.findall(nodes.title))
    heading.parent.insert(heading.parent.index(heading) + 1, nodes.paragraph("", "", link))


def setup(app):
    """Call it before Sphinx collects the downloads of a page."""
    app.connect("doctree-read", offered, priority=100)
    return {"version": "1", "parallel_read_safe": True}
