"""Gain of amplified success at equal oracle calls, and duration of a call; prints tables.

    python -m pytest tests/benchmarks/test_amplification.py -s

A gain is the mean square error without amplification, divided by the mean square error with it, at
equal oracle calls. Predicted gains follow from the outcome probabilities. For measured gains, the
amplified method is sampled. The error without amplification is predicted, with an accuracy of
0.1 %. The photographs have 256 x 256 pixels, boundary wrap, and 2,000 executions per pixel.
"""

import subprocess
import sys

import numpy as np
import pytest

import classical
import qconv
from qconv.convolution import plan

WRAP = {"mode": "same", "boundary": "wrap"}
SHOTS = 2000
KERNELS = {name: qconv.named_kernel(name) for name in ("laplacian", "edge")}

#: Minimum gain, by read-out and kernel.
LEAST = {
    ("linear", "laplacian"): 11,
    ("linear", "edge"): 7,
    ("root", "laplacian"): 24,
    ("root", "edge"): 15,
}


@pytest.fixture(scope="module")
def pictures():
    from skimage import data

    return {
        "camera": data.camera().astype(float)[::2, ::2],
        "coins": data.coins().astype(float)[:256, :256],
    }


def calls_times_error(method, image, kernel, signed=True):
    """Return mean square error times oracle calls, predicted and measured; z**2; and the result."""
    made = plan(image, kernel, method=method, shots=SHOTS, seed=1, **WRAP)
    result = made.run()
    exact = classical.convolve(image, kernel, **WRAP)
    error = result.image - (exact if signed else np.abs(exact))
    predicted = np.mean(made.prepared.predict().stderr ** 2) * result.oracle_calls
    measured = np.mean(error**2) * result.oracle_calls
    return predicted, measured, np.mean((error / result.stderr) ** 2), result


@pytest.mark.parametrize("read_out", ["linear", "root"])
def test_gain(pictures, read_out):
    print(f"\n{read_out}: gain in mean square error at equal oracle calls (Fourier, auto)")
    print(
        f"{'':<20}{'rounds':>7}{'success':>9}{'predicted':>10}{'measured':>10}{'z^2':>7}{'least':>7}"
    )
    for name, image in pictures.items():
        for kernel, weights in KERNELS.items():
            plain, sampled, _, _ = calls_times_error(qconv.Fourier(), image, weights)
            assert sampled == pytest.approx(plain, rel=0.04)
            method = qconv.Fourier(amplify="auto", read_out=read_out)
            predicted, measured, z2, result = calls_times_error(method, image, weights)
            rounds = (result.oracle_calls // result.total_shots - 1) // 2
            least = LEAST[read_out, kernel]
            print(
                f"{name + ' ' + kernel:<20}{rounds:>7}{result.success_probability:>9.3f}"
                f"{plain / predicted:>10.1f}{plain / measured:>10.1f}{z2:>7.3f}{least:>7}"
            )
            assert min(plain / predicted, plain / measured) > least
            assert 0.95 < z2 < 1.05
            if read_out == "linear":
                assert result.success_probability > 0.9


def test_gain_of_magnitudes(pictures):
    print("\nmagnitudes: gain in mean square error at equal oracle calls (Fourier, auto), measured")
    for name, image in pictures.items():
        for kernel, weights in KERNELS.items():
            _, plain, _, _ = calls_times_error(qconv.Fourier(signed=False), image, weights, False)
            method = qconv.Fourier(amplify="auto", signed=False)
            _, measured, z2, result = calls_times_error(method, image, weights, False)
            print(
                f"{name + ' ' + kernel:<20}{plain / measured:>8.1f}, success "
                f"{result.success_probability:.3f}, z^2 {z2:.3f}"
            )
            assert plain / measured > 7


_CALL = """
import time, qconv
from skimage import data
image = data.camera().astype(float)[::{step}, ::{step}]
kernel = qconv.named_kernel("laplacian")
start = time.perf_counter(), time.process_time()
method = qconv.{method}
result = qconv.convolve(image, kernel, method=method, shots=2000, mode="same", boundary="wrap",
                        seed=1)
print(result.oracle_calls // result.total_shots, time.perf_counter() - start[0],
      time.process_time() - start[1])
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
"""


@pytest.mark.parametrize(
    ("method", "step", "seconds", "room"),
    [
        ("Fourier(amplify='auto')", 2, 6, 1.2),
        ("Fourier(amplify='auto', read_out='root')", 2, 6, 1.2),
        ("Fourier(amplify='auto')", 1, 30, 2.0),
        ("Interference(amplify='auto')", 2, 8, 1.2),
    ],
)
def test_call(method, step, seconds, room):
    """One call in a separate process; it takes 1.5 times as long if others use the cores."""
    code = _CALL.format(method=method, step=step)
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    calls, taken, cores, memory = map(float, run.stdout.split())
    memory /= 2**20
    side = 512 // step
    print(
        f"\n{side} x {side}, {method}: {calls:.0f} oracle calls an execution, {taken:.1f} s "
        f"({cores:.1f} s of a core), peak {memory:.2f} GiB"
    )
    assert min(taken, cores) < 1.5 * seconds
    assert memory < room
