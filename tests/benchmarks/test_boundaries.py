"""Random convolutions with every name of a boundary, against ``numpy.pad`` and ``scipy.ndimage``.

    python -m pytest tests/benchmarks/test_boundaries.py -s

All boundaries, modes and methods, one to three axes, kernels larger than the image. About three
minutes.
"""

from tests.boundaries import check


def test_many():
    compared = sum(map(check, range(3000)))
    print(f"{compared} cases equal to 1e-9")
    assert compared > 2500
