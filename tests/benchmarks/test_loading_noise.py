"""A blur by gates alone on noisy fake backends; prints a table (extra ``devices``).

    OMP_NUM_THREADS=1 python -m pytest tests/benchmarks/test_loading_noise.py -s

The photograph `camera`, 8 x 8 pixels, 3x3 Gaussian, boundary wrap, by `Diffusion`: exact loading,
compared with loading by few gates along a line of qubits. ``fourier`` adds in the circuit;
``classical`` adds the measured numbers. All errors are exact expectations, root mean squares in
grey levels.
"""

import numpy as np
import pytest
from skimage import data
from skimage.transform import downscale_local_mean

import classical
import qconv

fake = pytest.importorskip("qiskit_ibm_runtime.fake_provider", reason="needs the extra `devices`")

IMAGE = downscale_local_mean(data.camera().astype(float), (64, 64))
GAUSSIAN = qconv.named_kernel("gaussian")
WHERE = {"mode": "same", "boundary": "wrap"}
COUNTS = (4, 8, 16, None)


def rms(array):
    return float(np.sqrt(np.mean(np.square(array))))


@pytest.mark.parametrize("adder", ["fourier", "classical"])
@pytest.mark.parametrize("name", ["FakeGuadalupeV2", "FakeMarrakesh"])
def test_blur(name, adder):
    device = getattr(fake, name)()
    exact = classical.convolve(IMAGE, GAUSSIAN, **WHERE)
    print(f"\n{name}, adder {adder}, contrast of the exact blur {exact.std():.1f}")
    print("CX to load   two-qubit gates   success   loading error   noise    all")
    errors = {}
    for count in COUNTS:
        few = qconv.ApproximatePreparation(two_qubit_gates=count or 1, coupling="line")
        method = qconv.Diffusion(adder=adder, preparation="exact" if count is None else few)
        how = {"method": method, "backend": device, **WHERE}
        gates = qconv.plan(IMAGE, GAUSSIAN, shots=1, **how).cost.two_qubit_gates
        result = qconv.convolve(IMAGE, GAUSSIAN, shots=None, **how)
        errors[count] = rms(result.image - exact)
        loading = 0.0 if count is None else rms(result.loading_bias)
        print(
            f"{count or 'exact':>10}{gates:18}{result.success_probability:10.3f}{loading:16.1f}"
            f"{rms(result.bias):8.1f}{errors[count]:7.1f}",
            flush=True,
        )
    assert min(errors[count] for count in COUNTS if count) < errors[None]
