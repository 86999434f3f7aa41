"""Published figures, reproduced or contradicted.

A function takes no arguments and returns a row.
"""

NAME = "published"
TITLE = "Published figures"
TEXT = """\
Each row states a published figure and the figure measured here. The last two columns list what
both measurements have in common, and how they differ. The rows on Roshanshah et al. compare with
earlier measurements of this project instead.
"""
CASES = {"published": "Reproduced or contradicted"}
COLUMNS = [
    ("published", "published", "", None),
    ("measured here", "measured", "", None),
    ("verdict", "verdict", "", None),
    ("same", "same", "", None),
    ("different", "different", "", None),
]


def run(function, case):
    """One row."""
    return [function()]
