"""Preparation of a state: the option of methods for approximate loading."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from qconv._checks import whole_number
from qconv.circuits._gates import Array
from qconv.circuits.loading.image import LoadedImage, check_loading, encode_image

#: Name of the preparation that loads an image exactly.
EXACT = "exact"

#: Number of loaded images that stay in memory.
_KEPT = 256


@dataclass(frozen=True, kw_only=True)
class ApproximatePreparation:
    """Approximate preparation of the image of a whole-image method, with few CX.

    `qconv.encode_image` searches for the circuit. Give either the number of CX or the fidelity. The
    search depends on ``seed`` alone, so that every run loads the same image, whatever the seed of
    its shots.

    Args:
        two_qubit_gates: Maximum number of CX of the preparation; None if ``fidelity`` is given.
        fidelity: Minimum squared overlap with the exact state, greater than 0 and less than 1;
            None if ``two_qubit_gates`` is given.
        coupling: ``"all"`` if CX may act on any pair of qubits. ``"line"`` if CX may act only
            on neighbours in a line of qubits.
        seed: Seed of the search.

    Raises:
        TypeError: If an argument has the wrong type, or if both or neither of ``two_qubit_gates``
            and ``fidelity`` are given.
        ValueError: If an argument is out of range.

    Example:
        >>> import qconv
        >>> few = qconv.ApproximatePreparation(two_qubit_gates=2)
        >>> image = [[4, 3, 2, 1], [3, 3, 1, 1], [2, 1, 2, 0], [1, 2, 0, 1]]
        >>> where = {"mode": "same", "boundary": "wrap", "shots": None}
        >>> box = qconv.named_kernel("box")
        >>> result = qconv.convolve(image, box, method=qconv.Diffusion(preparation=few), **where)
        >>> exact = qconv.convolve(image, box, method=qconv.Diffusion(), **where)
        >>> bool(abs(result.image - result.loading_bias - exact.image).max() < 1e-10)
        True
    """

    two_qubit_gates: int | None = None
    fidelity: float | None = None
    coupling: str = "all"
    seed: int = 0

    def __post_init__(self) -> None:
        gates, fidelity = check_loading(self.two_qubit_gates, self.fidelity, self.coupling)
        object.__setattr__(self, "two_qubit_gates", gates)
        object.__setattr__(self, "fidelity", fidelity)
        object.__setattr__(self, "seed", whole_number(self.seed, "seed", 0))

    def load(self, amplitudes: Array) -> LoadedImage:
        """Return the circuit that loads real amplitudes; it is cached by their values.

        Raises:
            ValueError: If there are more than ``2**16`` amplitudes, or the fidelity is not reached.
        """
        scaled = np.ascontiguousarray(amplitudes, dtype=np.float64)
        return _load(self, scaled.shape, scaled.tobytes())


#: Preparation of the image: ``"exact"``, or the options of approximate loading.
Preparation = str | ApproximatePreparation


def checked_preparation(preparation: object) -> Preparation:
    """Return a preparation unchanged; raise a ``TypeError`` or ``ValueError`` if it is unknown."""
    if isinstance(preparation, ApproximatePreparation) or preparation == EXACT:
        return preparation
    kind = ValueError if isinstance(preparation, str) else TypeError
    raise kind(
        "preparation: expected 'exact' or a qconv.ApproximatePreparation, such as "
        f"qconv.ApproximatePreparation(two_qubit_gates=100), got {preparation!r}"
    )


@lru_cache(maxsize=_KEPT)
def _load(how: ApproximatePreparation, shape: tuple[int, ...], content: bytes) -> LoadedImage:
    """Search for the circuit of amplitudes, given their shape and bytes."""
    return encode_image(
        np.frombuffer(content).reshape(shape),
        two_qubit_gates=how.two_qubit_gates,
        fidelity=how.fidelity,
        coupling=how.coupling,
        seed=how.seed,
    )
