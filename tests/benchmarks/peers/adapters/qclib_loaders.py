"""qclib: bounded approximation (BAA, Araujo et al. 2021) and low-rank preparation."""

from qiskit import QuantumCircuit

from tests.benchmarks.peers.peer import Peer

LOSSES = (0.06, 0.05, 0.04, 0.03, 0.02)  # of fidelity


def _circuit(gate):
    built = QuantumCircuit(gate.num_qubits)
    built.append(gate, built.qubits)
    return built


def bounded(amplitudes, order, losses=LOSSES):
    """BAA with Schmidt rank 1 and with higher ranks."""
    from qclib.state_preparation import BaaLowRankInitialize

    for loss in losses:
        for low_rank in (False, True):
            options = {"max_fidelity_loss": loss, "use_low_rank": low_rank}
            yield _circuit(BaaLowRankInitialize(amplitudes, opt_params=options))


def low_rank(amplitudes, order, ranks=(1, 2, 4, 8, 16)):
    """Schmidt decomposition between the halves of the qubits."""
    from qclib.state_preparation import LowRankInitialize

    for rank in ranks:
        yield _circuit(LowRankInitialize(amplitudes, opt_params={"lr": rank}))


def _peer(name, function):
    jobs = {"camera": function}
    return Peer(f"qclib, {name}", f"package qclib, {name}", jobs, package="qclib")


PEERS = [_peer("BAA", bounded), _peer("low rank", low_rank)]
