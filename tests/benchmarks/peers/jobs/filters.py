"""Edges, differences and a blur of a photograph, at equal applications of the preparation.

A peer's function takes an image, a kernel, the number of calls and a seed, and returns `Filtered`.
The boundary is periodic, so that circular methods need no margin. Peers that estimate magnitudes
are compared with the exact magnitudes.
"""

import numpy as np
from scipy.signal import convolve2d

from tests.benchmarks.peers.jobs.pictures import picture

SIZE, SHOTS, SEED = 64, 256, 7

NAME = "filters"
TITLE = "Edges, differences and blur of a photograph"
TEXT = f"""\
The photograph is camera at {SIZE}x{SIZE} pixels, with grey levels from 0 to 255 and a periodic
boundary. Every method applies the preparation of its state at most {SHOTS * SIZE**2:,} times
(*calls*), {SHOTS} times per pixel. Methods that estimate only magnitudes are compared with the
exact magnitudes. The edges are the 10 % of the pixels with the largest magnitudes, and the F-score
compares them with the edges of the exact result. CX include exact loading, and a dash means that
the circuit was not built. `Collapse` encodes the kernel alone and selects pixels classically. Peers
with the image in the state are therefore compared with the other methods of qconv. With a baseline,
`Collapse` computes the difference of two pixels classically, so its error for `[1, -1]` is 0. The
mean of z² is 1 for correct standard errors, and a dash means that no error is stated.
"""
KERNELS = {
    "edges": np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]),
    "differences": np.array([[1, -1]]),
    "blur": np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16,
}
CASES = {
    "edges": "Edges: the 3x3 edge detector",
    "differences": "Differences: the kernel `[1, -1]` along the rows",
    "blur": "Blur: the 3x3 binomial kernel",
}
EDGES = 0.1  # fraction of the pixels that are edges

#: Title, key, format, and whether larger or smaller values are better.
COLUMNS = [
    ("error (grey levels)", "error", ".2f", "least"),
    ("F-score of edges", "f_score", ".3f", "most"),
    ("calls", "calls", ",d", None),
    ("qubits", "qubits", "d", None),
    ("CX", "two_qubit_gates", ",d", "least"),
    ("success", "success", ".4f", "most"),
    ("signs", "signs", "", None),
    ("image in the state", "loads", "", None),
    ("mean z²", "z", ".2f", None),
    ("CPU s", "seconds", ".1f", None),
]


def exact(image, kernel):
    """Convolve with a periodic boundary."""
    return convolve2d(image, kernel, mode="same", boundary="wrap")


def strongest(values):
    """Return the edge pixels: a fixed fraction of all pixels; ties are broken by index."""
    order = np.argsort(-np.abs(values).ravel(), kind="stable")
    return set(order[: int(EDGES * values.size)].tolist())


def run(function, case):
    """Return one row: error of a filtered image, and its cost."""
    image, kernel = picture("camera", SIZE), KERNELS[case]
    found = function(image, kernel, SHOTS * image.size, SEED)
    truth = exact(image, kernel)
    truth = truth if found.signed else np.abs(truth)
    row = {
        "error": float(np.sqrt(np.mean((found.image - truth) ** 2))),
        "calls": int(found.calls),
        "qubits": found.qubits,
        "two_qubit_gates": found.two_qubit_gates,
        "success": float(found.success),
        "signs": "yes" if found.signed else "no",
        "loads": "yes" if found.loads else "no",
    }
    if found.seconds is not None:
        row["seconds"] = found.seconds
    if case != "blur":
        both = len(strongest(found.image) & strongest(truth))
        row["f_score"] = both / int(EDGES * image.size)  # equal sizes: precision equals recall
    if found.stderr is not None:
        stated = found.stderr > 0
        z = (found.image - truth)[stated] / found.stderr[stated]
        row["z"] = float(np.mean(z**2))
    return [row]
