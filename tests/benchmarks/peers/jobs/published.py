"""Published figures, reproduced or contradicted.

A function takes no arguments and returns a row.
"""

NAME = "published"
TITLE = "Published figures"
TEXT = """\
Each row states a published figure, the figure measured here, what is the same and what is not.
Rows on Roshanshah et al. compare with earlier measurements of this project instead.
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
