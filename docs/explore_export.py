"""Export data from the library for the page ``docs/explore``: kernels, circuits, photographs.

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
from qconv.methods.collapse.method import kernel_circuit

FOLDER = Path(__file__).parent / "explore"
HEAD = "// Written by docs/explore_export.py; tests/cli/test_explore.py compares it with qconv.\n"
CENTRE = (1, 1)

#: Named kernels of the page, all 3 x 3.
KERNELS = (
    *("identity", "box", "gaussian", "edge", "laplacian", "sharpen"),
    *("sobel-x", "sobel-y", "emboss"),
)


def encoded(propagator: qconv.Propagator) -> dict[str, Any]:
    """Return a propagator and the gates of its circuit, with qubits numbered as in Qiskit."""
    circuit = kernel_circuit(propagator, ("row", "column"))
    gates = [
        [
            instruction.operation.name,
            [circuit.find_bit(qubit).index for qubit in instruction.qubits],
            *map(float, instruction.operation.params),
        ]
        for instruction in circuit.data
    ]
    return {
        "p": propagator.probabilities.ravel().tolist(),
        "w": (propagator.weights.ravel() + 0.0).tolist(),
        "gates": gates,
    }


def named_kernels() -> list[dict[str, Any]]:
    """Return the kernels of the page with their propagators, without and with a baseline."""
    found = []
    for name in KERNELS:
        kernel = qconv.named_kernel(name)
        propagator = qconv.Propagator.from_kernel(kernel)
        excluded = propagator
        if 0 < propagator.probabilities[CENTRE] < 1:
            excluded = propagator.excluding(CENTRE)
        found.append(
            {
                "name": name,
                "kernel": kernel.ravel().tolist(),
                "plain": encoded(propagator),
                "baseline": encoded(excluded),
            }
        )
    return found


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
