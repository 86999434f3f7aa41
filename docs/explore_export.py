"""Export data from the library for the page ``docs/explore``: kernels and photographs.

``python docs/explore_export.py`` rewrites ``kernels.js`` and ``photos.js``;
``tests/cli/test_explore.py`` compares the committed files with the library.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np

import qconv

FOLDER = Path(__file__).parent / "explore"
HEAD = "// Written by docs/explore_export.py; tests/cli/test_explore.py compares it with qconv.\n"

#: Kernels of the page, 3 x 3 and 5 x 5: name on the page, name in qconv, and its options.
KERNELS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    *((name, name, {}) for name in ("identity", "box", "gaussian", "edge", "laplacian")),
    *((name, name, {}) for name in ("sharpen", "sobel-x", "sobel-y", "emboss")),
    ("box-5", "box", {"size": 5}),
    ("gaussian-5", "gaussian", {"size": 5}),
    ("unsharp-5", "unsharp", {"size": 5}),
    ("laplacian-of-gaussian-5", "laplacian-of-gaussian", {"sigma": 0.8, "size": 5}),
)


def named_kernels() -> list[dict[str, Any]]:
    """Return the kernels of the page, and how qconv makes them."""
    return [
        {
            "name": name,
            "call": call,
            "options": options,
            "kernel": qconv.named_kernel(call, **options).ravel().tolist(),
        }
        for name, call, options in KERNELS
    ]


def photographs() -> dict[str, np.ndarray[Any, Any]]:
    """Return three photographs from scikit-image as 128 x 128 integer grey levels."""
    from skimage import color, data

    astronaut = np.rint(color.rgb2gray(data.astronaut()) * 255)
    cropped = {
        "camera": data.camera().astype(float),
        "coins": data.coins().astype(float)[40:296, 120:376],
        "astronaut": astronaut,
    }
    found = {}
    for name, picture in cropped.items():
        step = len(picture) // 128
        means = picture.reshape(128, step, 128, step).mean(axis=(1, 3))
        found[name] = np.rint(means).astype(np.uint8)
    return found


def main() -> None:
    """Write both files."""
    lines = ",\n".join(f"  {json.dumps(kernel)}" for kernel in named_kernels())
    (FOLDER / "kernels.js").write_text(f"{HEAD}const Kernels = [\n{lines},\n];\n")
    photos = ",\n".join(
        f"  {{ name: {json.dumps(name)}, height: 128, width: 128,\n"
        f"    grey: {json.dumps(base64.b64encode(pixels.tobytes()).decode())} }}"
        for name, pixels in photographs().items()
    )
    note = "// Grey levels, one byte per pixel, uncompressed: the same in every browser.\n"
    (FOLDER / "photos.js").write_text(f"{HEAD}{note}const Photos = [\n{photos},\n];\n")


if __name__ == "__main__":
    main()
