"""The methods of qconv."""

import time

import qconv
from tests.benchmarks.peers.peer import Filtered, Peer


def _within(calls, pixels, plan_for):
    """Find the shots per pixel by bisection; return plan, result and CPU seconds."""
    low, high, shots, best = 1, calls // pixels, calls // pixels, None
    for _ in range(6):
        plan, start = plan_for(shots), time.process_time()
        result = plan.run()
        if result.oracle_calls <= calls:
            low, best = shots, (plan, result, time.process_time() - start)
        else:
            high = shots
        if high - low < 2 or (best and shots == calls // pixels):
            break
        shots = (low + high) // 2
    return best


def _filter(method, loads):
    def filtered(image, kernel, calls, seed):
        def plan_for(shots):
            options = {"method": method, "mode": "same", "boundary": "wrap", "seed": seed}
            return qconv.plan(image, kernel, shots=shots, **options)

        plan, result, seconds = _within(calls, image.size, plan_for)
        cost = plan.cost
        return Filtered(
            image=result.image,
            calls=result.oracle_calls,
            qubits=cost.qubits,
            two_qubit_gates=cost.two_qubit_gates,
            stderr=result.stderr,
            success=result.success_probability,
            signed=getattr(method, "signed", True),
            loads=loads,
            seconds=seconds,
        )

    return filtered


def _peer(name, method, *jobs, loads=True):
    function = _filter(method, loads)
    return Peer(name, "this package", dict.fromkeys(jobs, function), kind="own")


ALL = ("edges", "differences", "blur")

PEERS = [
    _peer("qconv Collapse", qconv.Collapse(baseline=True), *ALL, loads=False),
    _peer("qconv Collapse, no baseline", qconv.Collapse(), *ALL, loads=False),
    _peer("qconv Interference", qconv.Interference(), *ALL),
    _peer("qconv Interference, magnitudes", qconv.Interference(signed=False), *ALL),
    _peer("qconv Fourier", qconv.Fourier(), *ALL),
    _peer("qconv Fourier, magnitudes", qconv.Fourier(signed=False), *ALL),
    _peer("qconv Fourier, amplified", qconv.Fourier(amplify="auto", read_out="root"), *ALL),
    _peer("qconv Diffusion", qconv.Diffusion(), *ALL),
    _peer("qconv AmplitudeEstimation", qconv.AmplitudeEstimation(powers="auto"), *ALL),
]
