"""Write the thumbnails of the notebooks: ``python docs/thumbnails.py``, after notebooks were run.

Each is a part of a figure that the notebook keeps: cell, and left, top, right and bottom as
fractions of the figure.
"""

import base64
import io
import json
from pathlib import Path

from PIL import Image, ImageOps

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs" / "_static" / "thumbnails"
SIZE = 480, 300

PARTS = {
    "00_start": ("2368aa76", (0, 0, 0.66, 1)),
    "01_collapse": ("cell-17", (0, 0, 1, 1)),
    "02_diffusion": ("cell-11", (0, 0, 1, 1)),
    "03_interference": ("cell-09", (0.25, 0, 0.75, 1)),
    "04_frequency": ("cell-03", (0, 0, 1, 1)),
    "05_amplitude_estimation": ("cell-03", (0, 0, 0.664, 1)),
    "06_correlation": ("cell-13", (0.155, 0, 0.7, 1)),
    "07_padding": ("cell-06", (0, 0, 0.555, 1)),
    "08_network": ("layers-figure", (0, 0, 0.81, 1)),
    "09_noise": ("noise-09", (0, 0, 0.745, 0.66)),
    "10_fewest_shots": ("shots-08", (0.52, 0, 1, 1)),
    "11_waves": ("slit-figure", (0.66, 0, 1, 1)),
    "12_one_number": ("number-09", (0, 0, 0.6, 1)),
    "13_loading": ("gallery", (0, 0, 1, 0.5)),
    "14_price": ("price-09", (0, 0, 0.5, 1)),
}


def figure(notebook, cell):
    """Return the last picture that a cell keeps."""
    cells = json.loads((ROOT / "notebooks" / f"{notebook}.ipynb").read_text())["cells"]
    outputs = next(found for found in cells if found["id"] == cell)["outputs"]
    kept = [output["data"]["image/png"] for output in outputs if "data" in output]
    return Image.open(io.BytesIO(base64.b64decode("".join(kept[-1]))))


def main():
    """Write every thumbnail, on white, with few colours."""
    FOLDER.mkdir(exist_ok=True)
    for notebook, (cell, box) in PARTS.items():
        whole = figure(notebook, cell).convert("RGB")
        lengths = whole.size * 2
        part = whole.crop([round(f * length) for f, length in zip(box, lengths, strict=True)])
        small = ImageOps.pad(part, SIZE, Image.Resampling.LANCZOS, color="white")
        small.quantize(128).save(FOLDER / f"{notebook}.png", optimize=True)


if __name__ == "__main__":
    main()
