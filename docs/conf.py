"""The documentation: ``python -m sphinx -W --keep-going -b html docs docs/_build/html``."""

import importlib.util
import os
import shutil
import sys
from pathlib import Path
from typing import Generic, TypeVar

import numpy.typing

DOCS = Path(__file__).parent
ROOT = DOCS.parent
sys.path[:0] = [str(ROOT), str(DOCS / "_ext")]


class _NDArray(Generic[TypeVar("T")]):
    """Stands for NumPy's alias, which signatures would show with everything that it stands for."""


# Before anything else imports them.
for _name, _type in (("ArrayLike", type("ArrayLike", (), {})), ("NDArray", _NDArray)):
    _type.__module__, _type.__qualname__, _type.__name__ = "numpy.typing", _name, _name
    setattr(numpy.typing, _name, _type)

import qconv  # noqa: E402

project = "qconv"
author = "The qconv developers"
copyright = "the qconv developers"
version = release = qconv.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.intersphinx",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
    "command_help",
    "displayed_formulas",
    "docstring_names",
    "linked_names",
    "mathml",
    "notebook_download",
    "public_names",
    "source_links",
]
exclude_patterns = ["_build", "_ext", "explore"]

# -- References of other projects: the names that are used here, kept with the source, so that no
# -- network is needed. A name is a line of `inventories/PROJECT.inv`: name, kind, page.

intersphinx_mapping = {
    project: (address, f"inventories/{project}.inv")
    for project, address in {
        "dask": "https://docs.dask.org/en/stable/",
        "numpy": "https://numpy.org/doc/stable/",
        "python": "https://docs.python.org/3/",
        "pytorch": "https://docs.pytorch.org/docs/stable/",
        "qiskit": "https://quantum.cloud.ibm.com/",
        "qiskit-aer": "https://qiskit.github.io/qiskit-aer/",
        "scikit-image": "https://scikit-image.org/docs/stable/",
        "scipy": "https://docs.scipy.org/doc/scipy/",
    }.items()
}

# -- Notebooks: as they are kept, never run; copied to where Sphinx looks for pages.

nb_execution_mode = "off"
nb_merge_streams = True
for _copy in (DOCS / "learn").glob("*.ipynb"):
    if not (ROOT / "notebooks" / _copy.name).exists():
        _copy.unlink()
for _notebook in (ROOT / "notebooks").glob("*.ipynb"):
    _copy = DOCS / "learn" / _notebook.name
    if not _copy.exists() or _copy.read_bytes() != _notebook.read_bytes():
        shutil.copyfile(_notebook, _copy)

# -- Pages

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
primary_domain = "py"
default_role = "py:obj"  # what docstrings put between single backticks

# -- Docstrings

autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_mock_imports = [name for name in ("torch", "dask") if not importlib.util.find_spec(name)]
toc_object_entries_show_parents = "hide"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80
napoleon_numpy_docstring = False
napoleon_custom_sections = ["Source"]
napoleon_use_ivar = True

nitpicky = True
nitpick_ignore_regex = [
    # Types: those of other projects, and aliases that the source writes for them.
    ("py:class", r".*"),
    ("py:data", r".*"),
]

# -- Output

html_math_renderer = "mathml"
html_theme = "pydata_sphinx_theme"
html_title = "qconv"
html_static_path = ["_static"]
html_css_files = ["qconv.css"]
html_search_scorer = str(DOCS / "search_scorer.js")
html_show_sourcelink = False
html_copy_source = False
html_sidebars = {"start/*": [], "benchmarks/*": [], "writing-a-method": ["sidebar-nav-bs"]}
html_theme_options = {
    "logo": {"text": "qconv"},
    "show_prev_next": True,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
if _repository := os.environ.get("GITHUB_REPOSITORY"):
    html_theme_options["github_url"] = f"https://github.com/{_repository}"

# A page of its own, which needs nothing of Sphinx: copied, and linked to where it exists.
_explore = DOCS / "explore"
if (_explore / "index.html").exists():
    tags.add("explore")  # noqa: F821


def _copy_explore(app, exception):
    if exception is None and app.builder.format == "html" and app.tags.has("explore"):
        folder = Path(app.outdir) / "explore"
        shutil.copytree(_explore, folder, dirs_exist_ok=True)
        page = folder / "index.html"  # its links to the documentation work only here
        hidden = 'aria-label="Documentation" hidden'
        page.write_text(page.read_text().replace(hidden, hidden.removesuffix(" hidden")))


def _link_copies(app, docname, source):
    """Links to notebooks lead to their copies; in the source, they lead to the notebooks."""
    source[0] = source[0].replace("](../../notebooks/", "](/learn/")


def setup(app):
    """Lead to the copies of notebooks, and copy what Sphinx does not build."""
    app.connect("source-read", _link_copies)
    app.connect("build-finished", _copy_explore)
