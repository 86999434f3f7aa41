"""qiu: layers of two-qubit gates that disentangle matrix product states (Ran 2020)."""

from tests.benchmarks.peers.peer import Peer


def layers(amplitudes, order, numbers=(1, 2)):
    """Circuits with an increasing number of layers."""
    from qiu_mps_initializer.state_preparation import mps_state_preparation

    for number in numbers:
        yield mps_state_preparation(amplitudes, max_layers=number).circuit


PEERS = [
    Peer(
        name="qiu, MPS layers",
        source="package qiu-mps-initializer; Ran, PRA 101, 032310 (2020)",
        package="qiu-mps-initializer",
        jobs={"camera": layers},
    )
]
