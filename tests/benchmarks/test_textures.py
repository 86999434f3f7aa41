"""Textures distinguished by the energies of six filters: accuracy against oracle calls.

Pictures of brick, grass, gravel, the moon and a tissue are cut into patches of 64 x 64 pixels. The
left half of each picture is for training, the right half is held out. Run with
``python tests/benchmarks/test_textures.py SEEDS``. Adaptive estimation takes a quarter of the
seeds.
"""

import functools
import sys

import numpy as np
import pytest
from skimage import data

import classical
import qconv
from qconv.estimation.amplitude import adaptive, by_schedule

SIDE = 64
WHERE = {"mode": "same", "boundary": "wrap"}
FILTERS = [
    qconv.named_kernel("sobel-x"),
    qconv.named_kernel("sobel-y"),
    qconv.named_kernel("laplacian"),
    *(qconv.named_kernel("laplacian-of-gaussian", sigma=sigma) for sigma in (1, 2, 4)),
]
SOURCES = (data.brick, data.grass, data.gravel, data.moon, data.immunohistochemistry)

#: Accepted loss of accuracy, compared with exact energies.
POINT = 0.01

SAMPLED = (300, 1000, 3000, 10_000, 30_000, 100_000, 300_000)
ESTIMATED = (100, 300, 1000, 1500, 2000, 3000)


@functools.cache
def patches():
    """Patches, classes, and whether each is for training."""
    cut, classes, training = [], [], []
    for number, source in enumerate(SOURCES):
        picture = source().astype(float)
        picture = picture if picture.ndim == 2 else picture.mean(axis=2)
        for row in range(0, picture.shape[0], SIDE):
            for column in range(0, picture.shape[1], SIDE):
                cut.append(picture[row : row + SIDE, column : column + SIDE])
                classes.append(number)
                training.append(column < picture.shape[1] // 2)
    return np.array(cut), np.array(classes), np.array(training)


@functools.cache
def energies():
    """Energies and scales of all patches and filters: ``Fourier`` succeeds with their ratio."""
    cut, _, _ = patches()
    largest = [np.abs(np.fft.fft2(kernel, (SIDE, SIDE))).max() for kernel in FILTERS]
    found = [
        [classical.energy(classical.convolve(patch, kernel, **WHERE)) for kernel in FILTERS]
        for patch in cut
    ]
    scales = np.sum(cut**2, axis=(1, 2))[:, None] * np.square(largest)
    return np.array(found), scales


def classifier(features, classes):
    """Means and covariances of the classes; each covariance is shrunk towards their mean."""
    groups = [features[classes == number] for number in np.unique(classes)]
    spreads = np.array([np.cov(group.T) for group in groups])
    return [group.mean(axis=0) for group in groups], 0.9 * spreads + 0.1 * spreads.mean(axis=0)


def classified(model, features, variances):
    """Return the most likely classes, given features with errors of known variances."""
    scores = []
    for mean, spread in zip(*model, strict=True):
        matrix = spread + variances[:, :, None] * np.eye(features.shape[1])
        off = features - mean
        distance = np.einsum("ij,ij->i", off, np.linalg.solve(matrix, off[:, :, None])[:, :, 0])
        scores.append(distance + np.linalg.slogdet(matrix)[1])
    return np.argmin(scores, axis=0)


def accuracy(values, stderr):
    """Accuracy on held-out patches of energies with standard errors."""
    exact, _ = energies()
    _, classes, training = patches()
    model = classifier(np.log(exact[training]), classes[training])
    found = classified(model, np.log(values), (stderr / values) ** 2)
    return np.mean(found == classes[~training])


def held_out():
    """Exact energies, scales and success probabilities of held-out patches."""
    exact, scales = energies()
    out = ~patches()[2]
    return exact[out], scales[out], exact[out] / scales[out]


def sampled(calls, seed):
    """Accuracy with sampled energies; ``calls`` for each patch and filter."""
    _, scales, p = held_out()
    found = (np.random.default_rng([seed, calls]).binomial(calls, p) + 0.5) / (calls + 1)
    return accuracy(scales * found, scales * np.sqrt(found * (1 - found) / calls))


def estimated(how, calls, seed):
    """Accuracy with amplitude-estimated energies."""
    _, scales, p = held_out()
    rng, angles = np.random.default_rng([seed, calls]), np.arcsin(np.sqrt(p)).ravel()

    def measure(powers, shots):
        return rng.binomial(shots, np.sin((2 * powers + 1) * angles) ** 2)

    mean, stderr = how(measure, angles.size, calls).estimate()
    return accuracy(scales * mean.reshape(p.shape), scales * stderr.reshape(p.shape))


def read_out(shots, seed):
    """Accuracy with the energies of whole pictures that `Collapse` with a baseline reads out."""
    exact, _, _ = held_out()
    cut, _, training = patches()
    values, stderr = np.empty(exact.shape), np.empty(exact.shape)
    for place, patch in enumerate(cut[~training]):
        for number, kernel in enumerate(FILTERS):
            stream = np.random.SeedSequence([seed, place, number])
            one = qconv.convolve(patch, kernel, shots=shots, seed=stream, **WHERE)
            image, error = np.asarray(one.image), np.asarray(one.stderr)
            values[place, number] = np.sum(image**2 - error**2)
            stderr[place, number] = np.sqrt(np.sum(4 * image**2 * error**2 + 2 * error**4))
    least = 1e-3 * stderr + 1e-12  # negative estimates are replaced by small energies
    return accuracy(np.maximum(values, least), stderr)


def needed(curve, goal):
    """Return the fewest calls from which a curve stays at or above a goal."""
    calls, reached = zip(*curve, strict=True)
    below = [number for number, value in enumerate(reached) if value < goal]
    return calls[below[-1] + 1 if below else 0]


def test_probabilities_of_circuits():
    """The energies equal those that the circuits measure."""
    exact, scales = energies()
    for place in (3, 200):
        for number, kernel in enumerate(FILTERS):
            how = {"method": qconv.Fourier(), "shots": None, **WHERE}
            plan = qconv.plan(patches()[0][place], kernel, **how)
            found = plan.prepared.number(qconv.Energy())
            assert found.scale == pytest.approx(scales[place, number], rel=1e-10)
            one = qconv.estimate(patches()[0][place], kernel, qconv.Energy(), **how)
            assert one.value == pytest.approx(exact[place, number], rel=1e-10)


def test_fewer_calls():
    """Estimation is within one percentage point of exact energies, with 1/8 of the calls."""
    exact, _, _ = held_out()
    goal = accuracy(exact, np.zeros(exact.shape)) - POINT
    few = 2000
    reached = np.mean([estimated(adaptive, few, seed) for seed in range(3)])
    assert reached >= goal
    assert np.mean([sampled(8 * few, seed) for seed in range(20)]) < goal


if __name__ == "__main__":
    seeds = int(sys.argv[1])
    exact, _, p = held_out()
    best = accuracy(exact, np.zeros(exact.shape))
    print(
        f"{len(exact)} held-out patches; success probabilities from {p.min():.1g} to {p.max():.2g}"
    )
    print(f"exact energies: {100 * best:.1f} %")
    curves = {}
    for name, find, numbers, runs in (
        ("sampled", sampled, SAMPLED, seeds),
        ("schedule", functools.partial(estimated, by_schedule), ESTIMATED, seeds),
        ("adaptive", functools.partial(estimated, adaptive), ESTIMATED, max(1, seeds // 4)),
    ):
        curves[name] = []
        for calls in numbers:
            found = [find(calls, seed) for seed in range(runs)]
            curves[name].append((calls, np.mean(found)))
            print(f"{name:<10} {calls:<8,} {100 * np.mean(found):.1f} %", flush=True)
    for name, curve in curves.items():
        print(
            f"{name}: within a point of exact energies from {needed(curve, best - POINT):,} calls"
        )
    for shots in (1, 4):
        print(f"read out with {shots * SIDE**2:,} executions: {100 * read_out(shots, 1):.1f} %")
