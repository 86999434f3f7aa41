"""Names between backticks in docstrings: those of the public package, as its source writes them.

A docstring in ``qconv.methods.blocks`` says `Blocks.blocks` and `Convolution`, whose pages are
those of ``qconv.Blocks.blocks`` and ``qconv.Convolution``. Names that have no page, since they are
not public, are shown as code, provided that the module which names them does have them.
"""

import importlib
from operator import attrgetter


def resolved(app, env, node, contnode):
    """A link to the public name, plain code for a name of the module's own, or a warning."""
    module = node.get("py:module") or ""
    package, target = module.partition(".")[0], node.get("reftarget", "")
    if node.get("refdomain") != "py" or package not in ("qconv", "classical"):
        return None
    domain = env.domains.python_domain
    known = [name for name in domain.objects if name == f"{package}.{target}"] or [
        name for name in domain.objects if name.startswith(package) and name.endswith(f".{target}")
    ]
    if known:
        place = env, node["refdoc"], app.builder, "obj", known[0], node, contnode
        return domain.resolve_xref(*place)
    home = importlib.import_module(module)
    try:
        attrgetter(target)(home)
    except AttributeError:
        return None
    return contnode


def setup(app):
    """Ask it about every reference that was not found."""
    app.connect("missing-reference", resolved)
    return {"version": "1", "parallel_read_safe": True}
