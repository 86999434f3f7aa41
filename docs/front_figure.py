"""Draw the figure of the first page and of the README: ``python docs/front_figure.py``.

It is the figure that the README's main command writes, with letters that are legible at the width
of a page.
"""

from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from skimage import data

import classical
import qconv

image, kernel = data.camera(), qconv.named_kernel("edge")
where = {"mode": "same", "boundary": "symm"}
method = qconv.Collapse(baseline=True)
plan = qconv.plan(image, kernel, method=method, shots=1000, seed=7, **where)
exact = classical.convolve(image, kernel, **where)

layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.08)
figure = Figure(figsize=(12.4, 6.2), layout=layout)
places = figure.subplots(2, 4).ravel()
plan.run().plot(image, exact, propagator=plan.prepared.propagator, ax=places)
places[4].set_title("kernel positions (weight -8)")
places[6].set(title="a row, 95 % intervals", ylim=(-440, 640))  # room for the legend
figure.savefig(Path(__file__).parent / "edge-figure.png", dpi=130)
