"""What one number costs: sampled, amplitude-estimated, by classical Monte Carlo, by reading it all.

The picture is the camera photograph: averaged down to 64 x 64 and 256 x 256 pixels, as it is with
512 x 512 pixels, and larger as a mosaic of copies. A mosaic has the same success probabilities and
the same distribution of pixel values as one copy. Run ``python tests/benchmarks/test_number.py``.
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

#: Error budget of an answer on a machine that corrects its errors.
BUDGET = 0.01


def corner(side):
    """Region of a sixteenth of a picture: 16 x 16 pixels of 64 x 64."""
    return slice(side // 4, side // 2), slice(side // 4, side // 2)


#: Questions: kernel, method, observable, exact value, pixel values whose mean is wanted, and number
#: of pixels that each of these values needs.
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
    """Probability that the answer is proportional to."""
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


def values(question, side):
    """Pixel values whose mean is wanted, and pixels that each needs."""
    kernel, *_, each, reads = QUESTIONS[question]
    image = planned(question, side)[2]
    return each(image, classical.convolve(image, kernel, **WHERE)), reads


def monte_carlo(question, side, error, copies=1):
    """Pixels that classical Monte Carlo reads, for a relative standard error.

    The better one of drawing uniformly without replacement, and of drawing from square strata.
    Strata get the best possible numbers of draws, as if their deviations were known; each has at
    least two, in every copy of a mosaic.
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
    """Pixels that an exact answer reads."""
    return 2**bits if question == "edge energy" else 2**bits // 16


def at(bits):
    """Side of the simulated picture for a number of bits, and the number of its copies."""
    side = min(2 ** (bits // 2), SIDES[-1])
    return side, 2**bits // side**2


def filter_gates(question, bits):
    """Two-qubit gates of an oracle call without the image; beyond the simulated sides, linear."""
    first, last = (planned(question, side)[0].cost.filter_gates for side in (64, 512))
    return round(first + (last - first) / 6 * (bits - 12))


def loading_gates(bits):
    """Two-qubit gates of exact loading, at most."""
    return 2**bits - bits - 1


def loading_toffolis(bits, spare=0):
    """Toffoli gates of loading by tables (QROM; SELECT-SWAP with spare qubits)."""
    return table_cost(range(bits), angle_bits(bits, BUDGET / 6), spare).toffolis


@functools.cache
def seconds(question, bits, error, calls):
    """Seconds of all oracle calls with error correction; beyond 512 x 512, in proportion."""
    side, copies = at(bits)
    plan = planned(question, side)[0]
    price = plan.cost.fault_tolerant(error=error, estimator="formula")
    return price.seconds * copies * calls


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize(("side", "seeds"), [(64, 12), (256, 2)])
def test_calls_of_whole_circuits(question, side, seeds):
    """The calls that the table states reach the error, on the circuits; false alarms: 1e-6."""
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
    """Filters take the same number of further gates for every further bit."""
    for question in QUESTIONS:
        for side in SIDES:
            bits = 2 * int(math.log2(side))
            gates = planned(question, side)[0].cost.filter_gates
            assert gates == filter_gates(question, bits)


def test_who_wins():
    """Statements of the page "What one number costs"."""
    for question in QUESTIONS:
        for bits in BITS:
            side, copies = at(bits)
            p = success(question, side)
            for error in ERRORS:
                calls = estimated(p, error)
                assert calls < sampled(p, error)
                # Loading counted: one oracle call alone has about as many gates as there are
                # pixels, so estimation loses to reading every pixel, and to Monte Carlo.
                gates = calls * (loading_gates(bits) + filter_gates(question, bits))
                assert gates > 100 * all_reads(question, bits)
                assert gates > 100 * monte_carlo(question, side, error, copies)


if __name__ == "__main__":
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
