"""Register layout: the basis states that encode an image, and where displaced pixels are read."""

import contextlib
import itertools

import numpy as np
import pytest

from qconv.grid import plan_grid
from qconv.methods.whole_image.register_layout import RegisterLayout
from tests.cases import BOUNDARIES, MODES, SHAPES


def grids():
    """Return named geometries for which the mode has a result."""
    words = itertools.product(SHAPES.items(), MODES, BOUNDARIES, (0.0, 2.5), (True, False))
    for (name, shapes), mode, boundary, fillvalue, flipped in words:
        where = {"mode": mode, "boundary": boundary, "fillvalue": fillvalue, "flipped": flipped}
        with contextlib.suppress(ValueError):
            yield pytest.param(plan_grid(*shapes, **where), id=f"{name} {[*where.values()]}")


GRIDS = list(grids())[::3]


@pytest.mark.parametrize("grid", GRIDS)
def test_every_displacement_is_read_where_it_should(grid):
    """One kernel position at a time: the displaced content equals the padded image."""
    cells = RegisterLayout(grid)
    image = 1 + np.random.default_rng(0).random(grid.image_shape)
    content, padded = cells.content(image), grid.pad(image)
    whole = tuple(slice(0, length) for length in grid.output_shape)
    step = max(1, int(np.prod(grid.kernel_shape)) // 12)
    for position in list(np.ndindex(*grid.kernel_shape))[::step]:
        kernel = np.zeros(grid.kernel_shape)
        kernel[position] = 1
        (added,) = np.argwhere(cells.added(kernel))
        moved = np.roll(content, added, range(content.ndim))
        seen = cells.outputs(cells.read(moved.ravel()))
        assert np.array_equal(seen, grid.view(padded, position, whole))


@pytest.mark.parametrize("grid", GRIDS)
def test_sizes(grid):
    cells = RegisterLayout(grid)
    assert cells.shape == tuple(2**bits for bits in cells.bits)
    assert cells.num_qubits == sum(cells.bits) >= 1
    assert cells.num_read == np.prod(cells.read_shape)
    assert cells.distinct == (cells.num_read == grid.pixels)
    assert cells.distinct or grid.boundary == "wrap"
    assert cells.outputs(np.zeros(cells.read_shape)).shape == grid.output_shape


@pytest.mark.parametrize(
    ("pixels", "kernel", "where", "bits"),
    [
        ((256, 256), (3, 3), {"mode": "same", "boundary": "wrap"}, (8, 8)),
        ((256, 256), (3, 3), {"mode": "full", "boundary": "wrap"}, (8, 8)),
        ((255, 256), (3, 3), {"mode": "same", "boundary": "wrap"}, (9, 8)),
        ((256, 256), (3, 3), {"mode": "same", "boundary": "symm"}, (9, 9)),
        ((254, 255), (3, 3), {"mode": "same", "boundary": "symm"}, (8, 9)),
        ((254, 255), (3, 3), {"mode": "same"}, (8, 8)),
        ((255, 256), (3, 3), {"mode": "same"}, (8, 9)),
        ((256, 256), (3, 3), {"mode": "valid"}, (8, 8)),
        ((254, 254), (3, 3), {"mode": "same", "fillvalue": 1.0}, (8, 8)),
        ((1, 64), (1, 3), {"mode": "same", "boundary": "wrap"}, (0, 6)),
        ((1, 1), (1, 1), {}, (0, 1)),
    ],
)
def test_as_few_qubits_as_the_pixels_allow(pixels, kernel, where, bits):
    assert RegisterLayout(plan_grid(pixels, kernel, **where)).bits == bits


def test_the_image_is_not_changed():
    image = np.random.default_rng(0).random((4, 4))
    before = image.copy()
    cells = RegisterLayout(plan_grid((4, 4), (3, 3), mode="same", boundary="wrap"))
    cells.content(image)[:] = 0
    assert np.array_equal(image, before)
