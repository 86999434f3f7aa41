"""Size from which a GPU is faster: time of calls on CPU and GPU, single and double precision.

Without a GPU that Aer can use, the columns of the GPU say so.

python -m pytest tests/benchmarks/test_gpu.py -s
"""

import time

import numpy as np
import pytest
from qiskit_aer import AerSimulator
from skimage import data
from skimage.transform import resize

import qconv

EDGE = qconv.named_kernel("edge")
WHERE = {"mode": "same", "boundary": "wrap"}
GPU = "GPU" in AerSimulator().available_devices()
SIDES = (32, 64, 128, 256, 512, 1024) if GPU else (32, 64, 128)
BACKENDS = {
    f"{device} {precision}": {"device": device, "precision": precision}
    for device in ("CPU", "GPU")
    for precision in ("double", "single")
}


def image(picture, method, backend):
    return qconv.convolve(picture, EDGE, method=method, shots=100, backend=backend, seed=1, **WHERE)


def energy(picture, method, backend):
    return qconv.estimate(
        *(picture, EDGE, qconv.Energy()),
        method=method,
        estimator="amplitude",
        backend=backend,
        seed=1,
        **WHERE,
    )


CALLS = {
    "Diffusion": (image, qconv.Diffusion()),
    "Interference": (image, qconv.Interference()),
    "Fourier": (image, qconv.Fourier()),
    "Fourier, 3 rounds": (image, qconv.Fourier(amplify=3)),
    "AmplitudeEstimation": (image, qconv.AmplitudeEstimation()),
    "energy, Fourier": (energy, qconv.Fourier()),
}


def seconds(call, picture, method, options):
    if options["device"] == "GPU" and not GPU:
        return None
    backend = AerSimulator(**options)
    times = []
    for _ in range(4):
        started = time.perf_counter()
        call(picture, method, backend)
        times.append(time.perf_counter() - started)
    return min(times[1:])  # a GPU is initialised by its first circuit


@pytest.mark.parametrize("name", CALLS)
def test_times(name):
    """Durations of a call, divided by its duration on the CPU in double precision."""
    call, method = CALLS[name]
    photo = data.camera().astype(float)
    print(
        f"\n{name}: relative time; devices of Aer: {', '.join(AerSimulator().available_devices())}"
    )
    print(f"{'side':>5}" + "".join(f"{label:>16}" for label in BACKENDS))
    pays = None
    for side in SIDES:
        picture = resize(photo, (side, side), anti_aliasing=True)
        times = {
            label: seconds(call, picture, method, options) for label, options in BACKENDS.items()
        }
        base = times["CPU double"]
        row = ["no GPU" if t is None else f"{t / base:.1f}" for t in times.values()]
        print(f"{side:>5}" + "".join(f"{text:>16}" for text in row), flush=True)
        if GPU and pays is None and times["GPU double"] < base:
            pays = side
    if GPU:
        print("the GPU pays from", f"{pays} pixels per side" if pays else "no measured size", "on")
    else:
        print("no GPU was available")


@pytest.mark.parametrize("side", [64, 256])
def test_precision(side):
    """Relative errors of single precision.

    The unit is the brightest pixel times the sum of the kernel's magnitudes.
    """
    picture = resize(data.camera().astype(float), (side, side), anti_aliasing=True)
    print()
    for name, (call, method) in CALLS.items():
        if call is energy:
            continue
        exact = qconv.convolve(picture, EDGE, method=method, shots=None, **WHERE).image
        for device in ("CPU", "GPU") if GPU else ("CPU",):
            backend = AerSimulator(device=device, precision="single")
            found = qconv.convolve(
                picture, EDGE, method=method, shots=None, backend=backend, **WHERE
            ).image
            off = np.abs(found - exact).max() / (picture.max() * np.abs(EDGE).sum())
            print(f"{side:>4} {device} {name:<22}{off:.1e}")
            assert off < 1e-6
