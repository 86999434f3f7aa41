"""Standard errors where shots are few, and what tolerances promise; each test prints a table.

    python -m pytest tests/benchmarks/test_few_shots.py -s

False-alarm rates are stated where a bound is a multiple of a standard error.
"""

import math
import warnings

import numpy as np
import pytest
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error
from scipy import stats
from skimage import data

import classical
import qconv
from qconv.execution.run import run

SIDE = 64
KERNELS = {name: qconv.named_kernel(name) for name in ("gaussian", "edge", "laplacian")}
KERNELS["5 x 5"] = np.round(np.random.default_rng(5).normal(size=(5, 5)), 2)
WHERE = {"mode": "same", "boundary": "symm"}

#: Probability that a pixel whose mean square error is as predicted is called larger.
RARE = 1e-9


def photographs():
    """Four photographs of 64 x 64 pixels."""
    found = {}
    for name in ("camera", "coins", "astronaut", "moon"):
        picture = getattr(data, name)().astype(float)
        picture = picture.mean(axis=2) if picture.ndim == 3 else picture
        step = min(picture.shape) // SIDE
        parts = picture[: SIDE * step, : SIDE * step].reshape(SIDE, step, SIDE, step)
        found[name] = np.round(parts.mean(axis=(1, 3)))
    return found


def squares(picture, kernel, method, seeds, **how):
    """Errors and standard errors of several runs."""
    exact = classical.convolve(picture, kernel, **WHERE)
    exact = exact if method.signed else np.abs(exact)
    runs = [
        qconv.convolve(picture, kernel, method=method, seed=seed, **WHERE, **how) for seed in seeds
    ]
    return runs, np.array([run.image - exact for run in runs])


@pytest.mark.parametrize("kernel", ["gaussian", "edge"])
def test_roots(kernel):
    """Square roots of counts: mean of z**2, and coverage of 95 % intervals."""
    shots = (2, 5, 20, 100, 300)
    print(f"\nread_out='root', {kernel}: mean of z^2, coverage; 3 runs")
    print(f"{'shots per pixel':<28}" + "".join(f"{number:>16}" for number in shots))
    for options in ({}, {"amplify": "auto"}):
        method = qconv.Fourier(read_out="root", **options)
        for name, picture in photographs().items():
            row = []
            for number in shots:
                runs, errors = squares(picture, KERNELS[kernel], method, range(3), shots=number)
                z = errors / np.array([run.stderr for run in runs])
                row.append(f"{np.mean(z**2):9.2f}, {100 * np.mean(np.abs(z) < 1.96):.0f} %")
                assert 0.75 < np.mean(z**2) < 1.1
            print(f"{name:<12}{options.get('amplify', 'plain'):<16}" + "".join(row))


METHODS = {
    "Collapse": qconv.Collapse(),
    "Collapse, baseline": qconv.Collapse(baseline=True),
    "Diffusion": qconv.Diffusion(),
    "Interference": qconv.Interference(),
    "Interference, magnitudes": qconv.Interference(signed=False),
    "Fourier": qconv.Fourier(),
    "Fourier, amplified": qconv.Fourier(amplify="auto"),
    "Fourier, magnitudes": qconv.Fourier(signed=False, amplify="auto"),
    "Fourier, root": qconv.Fourier(read_out="root"),
    "AmplitudeEstimation": qconv.AmplitudeEstimation(),
}


@pytest.mark.parametrize("name", METHODS)
def test_tolerances(name):
    """Pixels whose standard error or true error exceeds a tolerance; no false alarm in 1e-5."""
    method, runs_each = METHODS[name], 16
    if name == "AmplitudeEstimation":
        runs_each = 2
    most = largest = 0.0
    ratios = []
    for picture in photographs().values():
        for kernel in KERNELS.values():
            for shots in (60, 600) if runs_each > 2 else (60,):
                plan = qconv.plan(picture, kernel, method=method, shots=shots, **WHERE)
                predicted = plan.prepared.predict().stderr
                tolerance = float(f"{predicted.max():.2g}")
                with warnings.catch_warnings():
                    warnings.simplefilter("error")  # a tolerance that is not reached
                    runs, errors = squares(
                        picture, kernel, method, range(runs_each), tolerance=tolerance
                    )
                for result in runs:
                    most = max(most, float((result.stderr > tolerance * (1 + 1e-9)).mean()))
                    largest = max(largest, float(result.stderr.max() / tolerance))
                total = np.square(errors / tolerance).sum(axis=0)
                if runs_each > 2:  # with more than 1.2 times the tolerance
                    assert (stats.chi2.sf(total / 1.44, runs_each) > RARE / 10).all()
                top = predicted >= np.quantile(predicted, 0.99)
                ratios.append(math.sqrt(float(total[top].mean()) / runs_each))
    print(
        f"\n{name}: at most {100 * most:.2f} % of the pixels over, by {largest:.2f} times; "
        f"true error of the worst 1 % / tolerance {min(ratios):.2f} to {max(ratios):.2f}"
    )
    assert most <= 0.005
    assert largest <= 1.2


NOISES = {"depolarising 1 %, readout 2 %": (0.01, 0.02), "readout 3 %": (0.0, 0.03)}


def noisy_backend(depolarising, readout):
    """Simulator whose readout errors are the same for 0 and 1, as mitigation by bit assumes."""
    noise = NoiseModel()
    if depolarising:
        noise.add_all_qubit_quantum_error(depolarizing_error(depolarising, 2), ["cx"])
    noise.add_all_qubit_readout_error(
        ReadoutError([[1 - readout, readout], [readout, 1 - readout]])
    )
    return AerSimulator(noise_model=noise, basis_gates=["rz", "sx", "x", "cx"])


@pytest.mark.parametrize("noise", NOISES)
def test_noise(noise):
    """Whole images with noise: mean of z**2 of counts, against the exact expectation with noise.

    With mitigation and readout errors alone, this expectation is the exact convolution.
    """
    depolarising, readout = NOISES[noise]
    backend = noisy_backend(depolarising, readout)
    picture = photographs()["camera"][24:28, 26:34]
    known = qconv.ReadoutMitigation(errors=[(readout, readout)] * 20)
    shots, rng = (5, 50, 500), np.random.default_rng(5)
    print(f"\n{noise}, 4 x 8 pixels, 60 runs: mean of z^2, coverage")
    print(f"{'shots per pixel':<44}" + "".join(f"{number:>13}" for number in shots))
    for kernel, matrix in (("blur", [[0.25, 0.5, 0.25]]), ("edge", [[-1.0, 2, -1]])):
        for name in ("Diffusion", "Interference", "Fourier", "Fourier, amplified", "Fourier, root"):
            method = METHODS[name]
            for mitigation in (None, known)[: 1 + method.corrects_readout]:
                where = {"mode": "same", "boundary": "wrap", "method": method, "backend": backend}
                how = {**where, "mitigation": mitigation}
                expected = qconv.convolve(picture, matrix, shots=None, **how).image
                row = []
                for number in shots:
                    plan = qconv.plan(picture, matrix, shots=number, seed=1, **how)
                    (found,) = run(plan.prepared.programs, plan.sampling)
                    p, z = found.known_probabilities, []
                    for _ in range(60):
                        counts = rng.multinomial(found.executions, p / p.sum())
                        result = plan.decode(dict(enumerate(counts.tolist())))
                        z.append((result.image - expected) / result.stderr)
                    square = np.mean(np.square(z))
                    row.append(f"{square:6.2f}, {100 * np.mean(np.abs(z) < 1.96):.0f} %")
                    if method != METHODS["Fourier, root"]:
                        assert 0.8 < square < (1.35 if number == 5 else 1.15)
                corrected = "" if mitigation is None else ", corrected"
                print(f"{kernel + ', ' + name + corrected:<44}" + "".join(row))


NUMBERS = {
    "Total, Diffusion, Gaussian": (qconv.Total, "gaussian", qconv.Diffusion()),
    "Total, Diffusion, edge": (qconv.Total, "edge", qconv.Diffusion()),
    "Total, Fourier, edge": (qconv.Total, "edge", qconv.Fourier()),
    "Energy, Fourier, edge": (qconv.Energy, "edge", qconv.Fourier()),
    "Energy, Fourier, Gaussian": (qconv.Energy, "gaussian", qconv.Fourier()),
}


def test_numbers():
    """Sampled numbers: mean square error over mean variance, mean of z**2 and coverage."""
    picture = photographs()["camera"][16:32, 16:32]
    region = (slice(4, 12), slice(4, 12))
    counts = (1, 2, 5, 10, 30, 100)
    print("\nMean square error / variance, mean of z^2, coverage; 300 runs")
    print(f"{'executions':<28}" + "".join(f"{number:>20}" for number in counts))
    for name, (observable, kernel, method) in NUMBERS.items():
        row = []
        what = observable(region) if observable is qconv.Total else observable()
        where = {"mode": "same", "boundary": "wrap", "method": method}
        exact = qconv.estimate(picture, KERNELS[kernel], what, shots=None, **where).value
        for number in counts:
            runs = [
                qconv.estimate(picture, KERNELS[kernel], what, shots=number, seed=seed, **where)
                for seed in range(300)
            ]
            errors = np.array([run.value - exact for run in runs])
            stderr = np.array([run.stderr for run in runs])
            assert (stderr > 0).all()
            z = errors / stderr
            ratio = np.mean(errors**2) / np.mean(stderr**2)
            row.append(
                f"{ratio:8.2f} {np.mean(z**2):5.2f} {100 * np.mean(np.abs(z) < 1.96):3.0f} %"
            )
            assert ratio < 1.6
        print(f"{name:<28}" + "".join(row))
