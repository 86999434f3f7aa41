"""Prices on error-corrected machines, from 64x64 to 4096x4096 pixels.

python -m pytest tests/benchmarks/test_price.py -s
"""

import time

import numpy as np
import pytest
from qiskit.primitives import StatevectorSampler
from skimage import data
from skimage.transform import downscale_local_mean

import classical
import qconv
from qconv.planning.fault_tolerant import HARDWARE, duration

METHODS = {
    "Collapse": qconv.Collapse(baseline=True),
    "Diffusion": qconv.Diffusion(),
    "Interference": qconv.Interference(),
    "Fourier": qconv.Fourier(),
    "AmplitudeEstimation": qconv.AmplitudeEstimation(),
}
KERNELS = {"edge": qconv.named_kernel("edge"), "blur": qconv.named_kernel("gaussian")}
WHERE = {"mode": "same", "boundary": "wrap"}

#: Oracle calls that estimate the energy of the edges to about 1 %, see `test_calls`.
CALLS = 20_000


def picture(side):
    """The photograph, averaged to smaller sizes and mirrored to larger ones."""
    photo = data.camera().astype(float)
    if side <= 512:
        return downscale_local_mean(photo, (512 // side,) * 2)
    return np.pad(photo, (0, side - 512), mode="symmetric")


def planned(side, method, kernel):
    """A plan for a device, so that no state has to fit in memory."""
    return qconv.plan(
        picture(side),
        KERNELS[kernel],
        method=METHODS[method],
        shots=100,
        backend=StatevectorSampler(),
        **WHERE,
    )


def seconds(call, repeats=3):
    """Return the minimum duration of a call."""
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return min(times)


def below(time):
    """Return the power of ten above a time, which does not depend on the machine."""
    return f"below {10.0 ** np.ceil(np.log10(2 * time)):g} s"


@pytest.mark.parametrize("side", [8, 64, 256])
def test_tables(side):
    """T states with rotations and with tables, as in the page's table."""
    print(f"\n{'method':<22}T states: rotations, tables, 500 spare; physical; time, with 500")
    for method in METHODS:
        cost = planned(side, method, "edge").cost
        found = [
            cost.fault_tolerant(0.01, estimator="formula", spare_qubits=n) for n in (None, 0, 500)
        ]
        print(
            f"{method:<22}{''.join(f'{price.t_states:12,}' for price in found)}"
            f"{found[0].physical_qubits:10,} {duration(found[0].seconds)}"
            f", {duration(found[2].seconds)}"
        )
        if method != "Collapse":
            assert found[0].t_states > found[1].t_states > found[2].t_states


@pytest.mark.parametrize("side", [64, 256, 1024, 4096])
@pytest.mark.parametrize("kernel", KERNELS)
def test_sizes(side, kernel):
    """Images: physical qubits and time on three kinds of hardware."""
    exact = seconds(lambda: classical.convolve(picture(side), KERNELS[kernel], **WHERE), 2)
    print(f"\n{kernel}, {side}x{side}; a classical core: {below(exact)}")
    for method in METHODS:
        started = time.process_time()
        cost = planned(side, method, kernel).cost
        for hardware in ("qubit_gate_us_e3", "qubit_gate_ns_e3", "qubit_gate_ns_e4"):
            price = cost.fault_tolerant(0.01, estimator="formula", hardware=hardware)
            print(
                f"{method:<22}{hardware:<18}{price.physical_qubits:10,} qubits"
                f"{price.seconds / 3600:14.3g} hours ({duration(price.seconds)})"
            )
        print(f"{'':<22}planned and priced in {time.process_time() - started:.0f} s of CPU time")


@pytest.mark.parametrize("side", [64, 256, 1024, 4096])
def test_energy(side):
    """The energy of the edges by amplitude estimation."""
    print(f"\nenergy of the edges, {side}x{side}")
    for method in ("Interference", "Fourier"):
        if method == "Interference" and side == 4096:
            continue  # the table of scores alone takes 2 GiB
        cost = planned(side, method, "edge").cost
        for hardware in HARDWARE:
            price = cost.fault_tolerant(
                *(0.01,),
                estimator="formula",
                hardware=hardware,
                observable=qconv.Energy(),
                oracle_calls=CALLS,
            )
            print(
                f"{method:<22}{hardware:<18}{price.physical_qubits:10,} qubits"
                f"{price.seconds / 3600:14.3g} hours ({duration(price.seconds)})"
            )


@pytest.mark.parametrize("side", [64, 256])
def test_calls(side):
    """These calls estimate the energy with an error of about 1 %."""
    for method in ("Interference", "Fourier"):
        found = qconv.estimate(
            *(picture(side), KERNELS["edge"], qconv.Energy()),
            method=METHODS[method],
            estimator="schedule",
            shots=CALLS,
            seed=1,
            **WHERE,
        )
        print(f"\n{side}x{side} {method:<14} standard error {found.stderr / found.value:.2%}")
        assert found.stderr < 0.02 * found.value
