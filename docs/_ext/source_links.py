"""Source pages of ``sphinx.ext.viewcode``: public names live in modules of other names."""

import importlib
import re
from operator import attrgetter

PACKAGES = ("qconv", "classical")


def home(app, module, name):
    """The module of ours whose source defines a name; packages that are not installed have none."""
    try:
        thing = attrgetter(name)(importlib.import_module(module))
    except (AttributeError, ImportError):
        return module
    found = getattr(thing, "__module__", None) or module
    return found if found.partition(".")[0] in PACKAGES else module


def links_back(app, pagename, templatename, context, doctree):
    """Lead from the source to where the reference documents the name, under either module."""
    module = pagename.removeprefix("_modules/").replace("/", ".")
    known = app.env.domains.python_domain.objects

    def place(match):
        name = match[2] if match[2] in known else f"{module}.{match[3]}"
        return f'{match[1]}#{name}"' if name in known else match[0]

    if module != pagename and "body" in context:
        back = r'(<a class="viewcode-back" href="[^"#]*)#(\w+\.([^"]+))"'
        context["body"] = re.sub(back, place, context["body"])


def setup(app):
    """Answer what viewcode asks, and mend what it writes."""
    app.connect("viewcode-follow-imported", home)
    app.connect("html-page-context", links_back)
    return {"version": "1", "parallel_read_safe": True}
