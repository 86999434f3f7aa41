"""Names in code, such as ``scipy.signal.convolve2d``: a link where the name has a page.

Pages are in this reference, or in the references of other projects, of which ``inventories`` lists
the names that are used here. Headings and the reference itself are left as they are.
"""

import re

from docutils import nodes
from sphinx import addnodes
from sphinx.ext.intersphinx import InventoryAdapter
from sphinx.transforms.post_transforms import SphinxPostTransform

_NAME = re.compile(r"[A-Za-z_]\w*(?:\.\w+)+")
_NEVER = (nodes.reference, nodes.title, nodes.literal_block, addnodes.desc_signature)


class LinkedNames(SphinxPostTransform):
    """Put a reference around every literal that is a dotted name with a page."""

    default_priority = 900

    def run(self, **kwargs):
        """Look at every literal of the page."""
        for literal in list(self.document.findall(nodes.literal)):
            name = _NAME.match(literal.astext())
            parent = literal.parent
            while parent is not None and not isinstance(parent, _NEVER):
                parent = parent.parent
            if parent is None and name and (target := self.target(name.group())):
                reference = nodes.reference("", "", internal="://" not in target, refuri=target)
                literal.replace_self(reference)
                reference += literal

    def target(self, name):
        """The address of a name, here or elsewhere; none if the name has no page."""
        own = self.env.domains.python_domain.objects.get(name)
        if own and own.docname != self.env.docname:
            there = self.app.builder.get_relative_uri(self.env.docname, own.docname)
            return f"{there}#{own.node_id}"
        for kind, names in InventoryAdapter(self.env).main_inventory.items():
            if kind.startswith("py:") and name in names:
                return names[name].uri
        return None


def setup(app):
    """Make the transform known."""
    app.add_post_transform(LinkedNames)
    return {"version": "1", "parallel_read_safe": True}
