"""Memory of a simulated circuit."""

from qconv.execution.simulate.probabilities import state_memory


def test_memory_of_a_state_and_its_probabilities():
    """Sixteen bytes per amplitude, and three arrays of eight bytes per measured outcome."""
    assert state_memory(3, 2) == 16 * 8 + 3 * 8 * 4
    assert state_memory(20, 20) == 40 * 2**20
