"""NWQLib: block encoding of a circulant matrix, applied to a whole image.

The matrix acts on the flattened image, so the end of a row is next to the beginning of the next
row. The border columns therefore differ from the periodic boundary. All shifts use one Fourier
transform. Where the ancillas read 0, the state is the filtered image divided by the sum of the
kernel's magnitudes.
"""

from qiskit import QuantumCircuit

from tests.benchmarks.peers.peer import Peer
from tests.benchmarks.peers.whole_image import magnitudes


def circuit(shape, kernel):
    """The filter and its subnormalisation; the first qubits are positions, the last ancillas."""
    from nwqlib.subroutines.block_encoding import BandSpecification, build_block_encoding

    centre = [(side - 1) // 2 for side in kernel.shape]
    bands = {
        (row - centre[0]) * shape[1] + column - centre[1]: float(value)
        for (row, column), value in zip(
            ((r, c) for r in range(kernel.shape[0]) for c in range(kernel.shape[1])),
            kernel.ravel(),
            strict=True,
        )
    }
    bits = (shape[0] * shape[1]).bit_length() - 1
    encoding = build_block_encoding(
        BandSpecification(offsets=tuple(bands), coefficients=tuple(bands.values()), num_qubits=bits)
    )
    ancillas = encoding.num_ancillas
    built = QuantumCircuit(bits + ancillas)
    built.compose(encoding.circuit, [*range(bits, bits + ancillas), *range(bits)], inplace=True)
    return built, encoding.alpha


def filtered(image, kernel, calls, seed):
    """Sample positions where the ancillas read 0."""
    built, alpha = circuit(image.shape, kernel)
    return magnitudes(built, image, 0, alpha, calls, seed)


PEERS = [
    Peer(
        name="NWQLib, circulant",
        source="package nwqlib, build_block_encoding; rows of the image joined to one vector",
        package="nwqlib",
        jobs={"edges": filtered, "differences": filtered, "blur": filtered},
    )
]
