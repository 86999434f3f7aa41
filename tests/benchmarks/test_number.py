"""Cost of one number: by sampling, amplitude estimation, Monte Carlo, and reading all pixels.

The picture is the camera photograph: averaged to 64 x 64 and 256 x 256 pixels, unchanged with 512 x
512 pixels, and as a mosaic of copies for larger sizes. A mosaic has the same success probabilities
and the same distribution of pixel values as one copy. Run
``python tests/benchmarks/test_number.py``.
"""

import functools
import math

import numpy as np
import pytest
from scipy.stats import chi2

import classical
import qconv
from qconv.circuits.tables import angle_bits, table_cost
from qconv.estimation.amplitude import adaptive
from tests.benchmarks.test_estimate import picture
from tests.estimation.test_amplitude import study

WHERE = {"mode": "same", "boundary": "wrap"}
ERRORS = (0.1, 0.01, 0.001)

#: Sides of pictures that are simulated, and bits of pixel numbers of all pictures of the table.
SIDES, BITS = (64, 256, 512), (12, 16, 18, 20, 30, 40)

#: Error budget of an answer on an error-corrected machine.
BUDGET = 0.01


def corner(side):
    """Return a region with a sixteenth of the picture's area: 16 x 16 of 64 x 64 pixels."""
    return slice(side // 4, side // 2), slice(side // 4, side // 2)


#: Questions: kernel, method, observable, exact value, pixel values to average, and number of pixels
#: that each of these values needs.
QUESTIONS = {
    "edge energy": (
        qconv.named_kernel("edge"),
        qconv.Interference(signed=False),
        lambda side: qconv.Energy(),
        lambda filtered: classical.energy(filtered),
        lambda image, filtered: filtered**2,
        9,
    ),
    "region mean": (
        qconv.named_kernel("gaussian"),
        qconv.Diffusion(),
        lambda side: qconv.Mean(corner(side)),
        lambda filtered: classical.mean(filtered, corner(len(filtered))),
        lambda image, filtered: image[corner(len(image))],
        1,
    ),
}


@functools.cache
def planned(question, side):
    """Plan, number and image of a question."""
    kernel, method, observable, *_ = QUESTIONS[question]
    image = picture(side)
    plan = qconv.plan(image, kernel, method=method, shots=None, **WHERE)
    return plan, plan.prepared.number(observable(side)), image


def success(question, side):
    """Return the probability to which the answer is proportional."""
    number = planned(question, side)[1]
    return number.expected_value / number.scale


def sampled(p, error):
    """Oracle calls by sampling, for a relative standard error."""
    return (1 - p) / (p * error**2)


@functools.cache
def estimated(p, error, runs=200):
    """Oracle calls by adaptive amplitude estimation, for a relative root mean square error."""
    calls = math.ceil(5.6 * math.sqrt((1 - p) / p) / error)
    product, _ = study(adaptive, runs, calls, seed=1, p=p)
    return product / (p * error)


def estimated_by_one_angle(side, error):
    """Oracle calls for the region's mean by `AmplitudeEstimation`, for a relative error."""
    kernel = QUESTIONS["region mean"][0]
    method = qconv.AmplitudeEstimation()
    plan = qconv.plan(picture(side), kernel, method=method, shots=None, **WHERE)
    number = plan.prepared.number(qconv.Mean(corner(side)))
    p = (number.expected_value - number.offset) / number.scale
    return estimated(p, error * number.expected_value / (p * number.scale))


def values(question, side):
    """Return the values to average, and the number of pixels from which each is computed."""
    kernel, *_, each, reads = QUESTIONS[question]
    image = planned(question, side)[2]
    return each(image, classical.convolve(image, kernel, **WHERE)), reads


def monte_carlo(question, side, error, copies=1):
    """Pixels that classical Monte Carlo reads, for a relative standard error.

    The better of two schemes is taken: drawing uniformly without replacement, and drawing from
    square strata. The strata get the optimal numbers of draws, as if their deviations were known.
    Each has at least two draws, in every copy of a mosaic.
    """
    y, reads = values(question, side)
    total = y.size * copies
    spread = y.var() / y.mean() ** 2
    counts = [spread / error**2 / (1 + spread / error**2 / total)]
    width = 2
    while width <= len(y):
        strata = y.reshape(len(y) // width, width, -1, width).swapaxes(1, 2).reshape(-1, width**2)
        best = (strata.std(axis=1).mean() / y.mean()) ** 2 / error**2
        counts.append(max(best, 2 * len(strata) * copies))
        width *= 2
    return min(math.ceil(reads * min(counts)), total)


def all_reads(question, bits):
    """Return the number of pixels that an exact answer reads."""
    return 2**bits if question == "edge energy" else 2**bits // 16


def at(bits):
    """Side of the simulated picture for a number of bits, and the number of its copies."""
    side = min(2 ** (bits // 2), SIDES[-1])
    return side, 2**bits // side**2


def filter_gates(question, bits):
    """Two-qubit gates of an oracle call without the image; extrapolated beyond simulated sides."""
    first, last = (planned(question, side)[0].cost.filter_gates for side in (64, 512))
    return round(first + (last - first) / 6 * (bits - 12))


def loading_gates(bits):
    """Return an upper bound on the two-qubit gates of exact loading."""
    return 2**bits - bits - 1


def loading_toffolis(bits, spare=0):
    """Toffoli gates to load by tables (QROM; SELECT-SWAP with spare qubits)."""
    return table_cost(range(bits), angle_bits(bits, BUDGET / 6), spare).toffolis


@functools.cache
def seconds(question, bits, error, calls):
    """Seconds of all oracle calls with error correction; extrapolated beyond 512 x 512 pixels."""
    side, copies = at(bits)
    plan = planned(question, side)[0]
    price = plan.cost.fault_tolerant(error=error, estimator="formula")
    return price.seconds * copies * calls


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize(("side", "seeds"), [(64, 12), (256, 2)])
def test_calls_of_whole_circuits(question, side, seeds):
    """On the circuits, the calls in the table reach the error; false alarms: 1e-6."""
    kernel, method, observable, exact, *_ = QUESTIONS[question]
    image = picture(side)
    truth = exact(classical.convolve(image, kernel, **WHERE))
    for error in ERRORS[:2]:
        calls = math.ceil(estimated(success(question, side), error))
        how = {"method": method, "estimator": "amplitude", "shots": calls, **WHERE}
        off = []
        for seed in range(seeds):
            one = qconv.estimate(image, kernel, observable(side), seed=seed, **how)
            off.append(one.value / truth - 1)
            assert one.oracle_calls <= calls
        assert np.mean(np.square(off)) < error**2 * chi2.isf(1e-6, seeds) / seeds


def test_gates_grow_with_bits():
    """Each further bit adds the same number of gates to a filter."""
    for question in QUESTIONS:
        for side in SIDES:
            bits = 2 * int(math.log2(side))
            gates = planned(question, side)[0].cost.filter_gates
            assert gates == filter_gates(question, bits)


def test_who_wins():
    """Check the statements of the page "What one number costs"."""
    for question in QUESTIONS:
        for bits in BITS:
            side, copies = at(bits)
            p = success(question, side)
            for error in ERRORS:
                calls = estimated(p, error)
                assert calls < sampled(p, error)
                # With the image's loading, one oracle call alone has about as many gates as there
                # are pixels. Estimation is then more expensive than reading every pixel, and than
                # Monte Carlo.
                gates = calls * (loading_gates(bits) + filter_gates(question, bits))
                assert gates > 100 * all_reads(question, bits)
                assert gates > 100 * monte_carlo(question, side, error, copies)


if __name__ == "__main__":
    for error in ERRORS:
        calls = estimated_by_one_angle(256, error)
        print(f"region mean by AmplitudeEstimation, 2^16 pixels, {error:g}: {calls:.2g} calls")
    for question in QUESTIONS:
        print(f"\n{question}: oracle calls, and pixels that a classical computer reads")
        print("pixels  p        error   sampling   estimation  Monte Carlo  every pixel")
        for bits in BITS:
            side, copies = at(bits)
            p = success(question, side)
            for error in ERRORS:
                row = (
                    sampled(p, error),
                    estimated(p, error),
                    monte_carlo(question, side, error, copies),
                    all_reads(question, bits),
                )
                print(f"2^{bits:<5} {p:<8.5f} {100 * error:<5g} %", end=" ")
                print("  ".join(f"{number:<10.2g}" for number in row), flush=True)
        print("\ngates: loading, Toffoli gates of loading by tables (without and with 2^20 spare")
        print("qubits), filter; gates of the answer to 1 % by sampling and estimation; hours")
        for bits in BITS:
            side, _ = at(bits)
            p = success(question, side)
            few, many = estimated(p, 0.01), sampled(p, 0.01)
            each = loading_gates(bits) + filter_gates(question, bits)
            hours = [
                seconds(question, bits, budget, calls) / 3600
                for budget, calls in ((p * 0.01 / 3, many), (BUDGET / math.ceil(few), few))
            ]
            row = (
                loading_gates(bits),
                loading_toffolis(bits),
                loading_toffolis(bits, 2**20),
                filter_gates(question, bits),
                each * many,
                each * few,
                *hours,
            )
            print(f"2^{bits:<5} " + "  ".join(f"{number:<9.2g}" for number in row), flush=True)
