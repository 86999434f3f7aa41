"""Correlated readout and zero-noise extrapolation, beside tensored correction (extra ``devices``).

On three fake backends, the distribution of a circuit's outcomes is known exactly. It is corrected
in several ways and decoded. The table has the root mean square error of the image, in per cent of
the range of the exact image: *bias* for infinitely many executions, and *error* for a million
executions, of which a fifth calibrates the readout.

python -m pytest tests/benchmarks/test_mitigation.py -s
"""

import copy
from functools import cache

import numpy as np
import pytest
from skimage import data
from skimage.transform import downscale_local_mean

import classical
import qconv
from qconv.execution.device.physical import Physical, physical
from qconv.execution.outcomes.outcomes import Outcomes
from qconv.execution.outcomes.readout import applied
from qconv.execution.simulate.noise import noise_of, noisy_probabilities

fake = pytest.importorskip("qiskit_ibm_runtime.fake_provider", reason="needs the extra `devices`")

DEVICES = {
    "Guadalupe": "FakeGuadalupeV2",
    "Sherbrooke": "FakeSherbrooke",
    "Marrakesh": "FakeMarrakesh",
}
KERNELS = {"blur": qconv.named_kernel("gaussian"), "edge": qconv.named_kernel("edge")}
METHODS = {
    "Collapse": lambda side: qconv.Collapse(baseline=True),
    "Diffusion": lambda side: qconv.Diffusion(adder="auto" if side == 4 else "fourier"),
    "Fourier": lambda side: qconv.Fourier(),
}
WHERE = {"mode": "same", "boundary": "wrap"}
EXECUTIONS, CALIBRATION, RUNS = 800_000, 200_000, 20

#: Probability that two neighbouring bits are misread together, if correlated errors are simulated.
TOGETHER = 0.01

#: Factors by which two-qubit gates are repeated, and coefficients that extrapolate to zero gates.
EXTRAPOLATIONS = {
    "linear": {1: 1.5, 3: -0.5},
    "Richardson": {1: 1.875, 3: -1.25, 5: 0.375},
}


@cache
def device(name):
    return getattr(fake, DEVICES[name])()


@cache
def bare_noise(name):
    """Return the device's noise model without readout errors."""
    noise = copy.copy(noise_of(device(name)))
    noise._local_readout_errors, noise._default_readout_error = {}, None
    return noise


def folded(circuit, factor):
    """Replace every two-qubit gate ``G`` by ``G (G^-1 G)^k``, with the factor ``2 k + 1``."""
    made = circuit.copy_empty_like()
    for item in circuit:
        made.append(item)
        if len(item.qubits) == 2 and item.name != "barrier":
            assert item.name in ("cx", "cz", "ecr"), "gates that are their own inverses"
            for _ in range(factor - 1):
                made.append(item)
    return made


@cache
def case(name, method, side, kernel):
    """A circuit on a device, its distributions with repeated gates, and its readout errors."""
    photo = downscale_local_mean(data.camera().astype(float), (512 // side,) * 2)
    where = {"method": METHODS[method](side), "backend": device(name), **WHERE}
    plan = qconv.plan(photo, KERNELS[kernel], shots=None, **where)
    (program,) = plan.prepared.programs
    made = physical(program.circuit(), device(name))
    laws = {
        factor: noisy_probabilities(
            Physical(folded(made.circuit, factor), made.flipped), bare_noise(name), None
        )
        for factor in (1, 3, 5)
    }
    errors = noise_of(device(name))._local_readout_errors
    matrices = np.array([errors[(qubit,)].probabilities.T for qubit in made.measured])
    for bit in range(len(matrices)):
        if made.flipped >> bit & 1:
            matrices[bit] = matrices[bit][::-1, ::-1]
    exact = classical.convolve(photo, KERNELS[kernel], **WHERE)
    gates = sum(len(item.qubits) == 2 and item.name != "barrier" for item in made.circuit)
    return plan, program, laws, matrices, exact, gates


def image(plan, program, frequencies):
    """Decode frequencies, which may be negative after the correction."""
    if program.keep is not None:
        frequencies = frequencies * program.keep
        frequencies = frequencies / frequencies.sum()
    found = Outcomes(program, probabilities=frequencies)
    return plan.prepared.decode(iter([found])).image


def read(matrices, together, law):
    """Apply readout errors to a distribution: each bit alone, then neighbouring bits together."""
    law = applied(matrices, law)
    states = np.arange(len(law))
    for bit in range(len(matrices) - 1):
        law = (1 - together) * law + together * law[states ^ (3 << bit)]
    return law


def calibrated(way, matrices, together, rng):
    """The correction of frequencies by circuits that prepare basis states.

    ``rng`` is the generator of their counts; None for infinitely many executions.
    """
    bits = len(matrices)
    prepared = {
        "tensored": [0, 2**bits - 1],
        "pairs": [sum(pattern << i for i in range(0, bits, 2)) % 2**bits for pattern in range(4)],
        "full": range(2**bits),
    }[way]
    rows = []
    for state in prepared:
        law = read(matrices, together, np.eye(2**bits)[state])
        if rng is not None:
            law = rng.multinomial(CALIBRATION // len(prepared), law) / (
                CALIBRATION // len(prepared)
            )
        rows.append(law)
    if way == "full":
        inverse = np.linalg.inv(np.array(rows).T)
        return lambda frequencies: inverse @ frequencies
    blocks = []
    for low in range(0, bits, {"tensored": 1, "pairs": 2}[way]):
        states = 2 if way == "tensored" else min(4, 2 ** (bits - low))
        each = [row.reshape(-1, states, 1 << low).sum(axis=(0, 2)) for row in rows[:states]]
        blocks.append((low, np.linalg.inv(np.array(each).T)))

    def correct(frequencies):
        for low, block in blocks:
            parts = frequencies.reshape(-1, len(block), 1 << low)
            frequencies = np.einsum("ij,hjl->hil", block, parts).ravel()
        return frequencies

    return correct


def rms(array):
    return float(np.sqrt(np.mean(np.square(array))))


def errors(plan, program, exact, estimate):
    """Return bias and error of an estimate in per cent; the generator is None for no sampling."""
    unit = 100 / np.ptp(exact)
    bias = rms(image(plan, program, estimate(None)) - exact) * unit
    rng = np.random.default_rng(5)
    found = [image(plan, program, estimate(rng)) - exact for _ in range(RUNS)]
    return bias, rms(found) * unit


def drawn(law, executions, rng):
    if rng is None:
        return law
    return rng.multinomial(round(executions), law / law.sum()) / round(executions)


def readouts(name, method, side, kernel, together):
    """Errors without correction, and with each correction of the readout."""
    plan, program, laws, matrices, exact, _ = case(name, method, side, kernel)
    law = read(matrices, together, laws[1])
    found = {
        "none": errors(plan, program, exact, lambda rng: drawn(law, EXECUTIONS + CALIBRATION, rng))
    }
    for way in ("tensored", "pairs", "full"):

        def estimate(rng, way=way):
            return calibrated(way, matrices, together, rng)(drawn(law, EXECUTIONS, rng))

        found[way] = errors(plan, program, exact, estimate)
    return found


def extrapolated(name, method, side, kernel):
    """Errors of each extrapolation, with tensored correction."""
    plan, program, laws, matrices, exact, _ = case(name, method, side, kernel)
    found = {}
    for way, weights in EXTRAPOLATIONS.items():
        total = sum(map(abs, weights.values()))

        def estimate(rng, weights=weights, total=total):
            correct = calibrated("tensored", matrices, 0.0, rng)
            return sum(
                weight
                * correct(
                    drawn(
                        read(matrices, 0.0, laws[factor]),
                        EXECUTIONS * abs(weight) / total,
                        rng,
                    )
                )
                for factor, weight in weights.items()
            )

        found[way] = errors(plan, program, exact, estimate)
    return found


CASES = [
    ("Collapse", 8),
    ("Diffusion", 4),
    ("Diffusion", 8),
    ("Fourier", 4),
    ("Fourier", 8),
]


def row(found):
    return "".join(f"{bias:10.2f} {error:6.2f}" for bias, error in found.values())


@pytest.mark.parametrize("kernel", KERNELS)
def test_readout(kernel):
    """Errors on the fake backend, where bits are misread independently, and correlated errors."""
    for together in (0.0, TOGETHER):
        print(
            f"\n{kernel}; bits misread together: {together:.0%}; bias and error in % of the range"
        )
        print(f"{'device':<12}{'method':<16}{'none':>17}{'tensored':>17}{'pairs':>17}{'full':>17}")
        for name in DEVICES:
            for method, side in CASES:
                found = readouts(name, method, side, kernel, together)
                label = f"{method} {side}x{side}"
                print(f"{name:<12}{label:<16}{row(found)}", flush=True)
                if not together:  # the bias is the same; the larger calibration has larger errors
                    assert found["full"][0] == pytest.approx(found["tensored"][0], abs=1e-9)
                    assert found["full"][1] > 0.97 * found["tensored"][1]


@pytest.mark.parametrize("kernel", KERNELS)
def test_extrapolation(kernel):
    """Two-qubit gates are repeated three and five times, and the result is extrapolated to zero."""
    print(f"\n{kernel}; bias and error in % of the range")
    print(f"{'device':<12}{'method':<16}gates{'tensored':>17}{'linear':>17}{'Richardson':>17}")
    for name in DEVICES:
        for method, side in CASES:
            gates = case(name, method, side, kernel)[-1]
            found = {"tensored": readouts(name, method, side, kernel, 0.0)["tensored"]}
            found |= extrapolated(name, method, side, kernel)
            label = f"{method} {side}x{side}"
            print(f"{name:<12}{label:<16}{gates:5}{row(found)}", flush=True)
            if method == "Collapse":
                assert found["linear"][1] > 0.9 * found["tensored"][1]
            elif method == "Diffusion":
                assert found["linear"][1] < 0.85 * found["tensored"][1]
