"""Geometry: modes, boundaries, tiles."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qconv.grid import (
    MODES,
    PAD_MODES,
    TILE_PIXELS,
    plan_grid,
    split_tile,
    strided_grid,
    tile_pixels,
)
from tests.cases import SHAPES, random_integers


def by_grid(image, kernel, **how):
    """Convolve as the grid specifies, position by position."""
    grid = plan_grid(image.shape, kernel.shape, **how)
    padded = grid.pad(image)
    assert padded.shape == grid.padded_shape
    whole = tuple(slice(0, n) for n in grid.output_shape)
    total = np.zeros(grid.output_shape)
    for position in np.ndindex(kernel.shape):
        total += kernel[position] * grid.view(padded, position, whole)
    return total


def extended(image, index, boundary, fillvalue):
    """Return the image at any index, by the boundary's rule, one index at a time."""
    inside = []
    for i, n in zip(index, image.shape, strict=True):
        if boundary == "fill" and not 0 <= i < n:
            return fillvalue
        if boundary == "wrap":
            i %= n
        elif boundary == "symm":
            i %= 2 * n
            i = min(i, 2 * n - 1 - i)
        elif boundary == "mirror":
            i %= max(1, 2 * n - 2)
            i = min(i, 2 * n - 2 - i)
        elif boundary == "nearest":
            i = min(max(i, 0), n - 1)
        inside.append(i)
    return image[tuple(inside)]


def by_definition(image, kernel, mode, boundary, fillvalue, flipped):
    """Compute the module's formula in plain loops."""
    starts, lengths = [], []
    for n, h in zip(image.shape, kernel.shape, strict=True):
        if mode == "full":
            s, length = 0, n + h - 1
        elif mode == "same":
            correlate2d = not flipped and image.ndim == 2
            s, length = (h // 2 if correlate2d else (h - 1) // 2), n
        else:
            s, length = h - 1, n - h + 1
        starts.append(s)
        lengths.append(length)
    out = np.zeros(lengths)
    for o in np.ndindex(*lengths):
        for j in np.ndindex(kernel.shape):
            if flipped:
                index = [a + s - b for a, s, b in zip(o, starts, j, strict=True)]
            else:
                index = [
                    a + b - (h - 1 - s)
                    for a, b, h, s in zip(o, j, kernel.shape, starts, strict=True)
                ]
            out[o] += kernel[j] * extended(image, index, boundary, fillvalue)
    return out


class TestByHand:
    SIGNAL, KERNEL = np.array([1.0, 2, 4]), np.array([1.0, 10])

    @pytest.mark.parametrize(
        ("mode", "boundary", "flipped", "expected"),
        [
            ("full", "fill", True, [1, 12, 24, 40]),
            ("same", "fill", True, [1, 12, 24]),
            ("valid", "fill", True, [12, 24]),
            ("full", "wrap", True, [41, 12, 24, 41]),
            ("full", "symm", True, [11, 12, 24, 44]),
            ("same", "wrap", True, [41, 12, 24]),
            ("full", "fill", False, [10, 21, 42, 4]),
            ("same", "fill", False, [10, 21, 42]),
            ("valid", "fill", False, [21, 42]),
        ],
    )
    def test_one_axis(self, mode, boundary, flipped, expected):
        where = {"mode": mode, "boundary": boundary, "flipped": flipped}
        assert by_grid(self.SIGNAL, self.KERNEL, **where).tolist() == expected

    def test_two_axes(self):
        image, kernel = np.array([[1.0, 2], [3, 4]]), np.array([[1.0, 0], [0, -1]])
        full = by_grid(image, kernel)
        assert full.tolist() == [[1, 2, 0], [3, 3, -2], [0, -3, -4]]
        assert by_grid(image, kernel, mode="valid").tolist() == [[3]]
        assert by_grid(image, kernel, mode="same", fillvalue=100.0).tolist() == [
            [-99, -98],
            [-97, 3],
        ]
        found = by_grid(image, kernel, mode="same", flipped=False)
        assert found.tolist() == [[-3, 2], [3, 4]]  # as correlate2d

    def test_fill_value(self):
        filled = by_grid(self.SIGNAL, self.KERNEL, fillvalue=5.0)
        assert filled.tolist() == [51, 12, 24, 45]

    def test_exchanged(self):
        # SciPy exchanges the arguments if the kernel contains the image, and then fills with zeros.
        image, kernel = np.array([1.0, 2]), np.array([1.0, 0, 0, 3])
        grid = plan_grid((2,), (4,), mode="valid", boundary="wrap", fillvalue=9.0)
        assert (grid.boundary, grid.fillvalue, grid.output_shape) == ("fill", 0.0, (3,))
        assert by_grid(image, kernel, mode="valid", boundary="wrap").tolist() == [2, 0, 3]

    def test_centre(self):
        assert plan_grid((9, 9), (3, 4)).centre((2, 3)) == (1, 1)
        assert plan_grid((9,), (1,)).centre((0,)) == (0,)
        layer = strided_grid((2, 3, 9, 9), (1, 3, 3, 4), (1, 1), (1, 1))
        assert layer.centre((0, 2, 0, 0)) == (0, 2, 1, 1)
        sums = layer.by_centre(np.arange(36.0).reshape(1, 3, 3, 4))
        assert sums == {(0, 0, 1, 1): 66, (0, 1, 1, 1): 210, (0, 2, 1, 1): 354}


class TestBruteForce:
    @pytest.mark.parametrize("flipped", [True, False])
    @pytest.mark.parametrize("boundary", PAD_MODES)
    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("name", [name for name in SHAPES if name != "several tiles"])
    def test_matches(self, name, mode, boundary, flipped):
        image_shape, kernel_shape = SHAPES[name]
        pairs = list(zip(image_shape, kernel_shape, strict=True))
        if mode == "valid" and any(h > n for n, h in pairs):
            return
        image, kernel = random_integers(image_shape, 1), random_integers(kernel_shape, 2)
        where = {"mode": mode, "boundary": boundary, "fillvalue": 2.0, "flipped": flipped}
        assert np.array_equal(
            by_grid(image, kernel, **where), by_definition(image, kernel, **where)
        )

    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("boundary", PAD_MODES)
    def test_three_axes(self, mode, boundary):
        image, kernel = random_integers((3, 4, 5), 1), random_integers((2, 3, 1), 2)
        where = {"mode": mode, "boundary": boundary, "fillvalue": -1.0, "flipped": True}
        assert np.array_equal(
            by_grid(image, kernel, **where), by_definition(image, kernel, **where)
        )

    def test_padding_is_a_view_where_there_is_none(self):
        image = np.ones((4, 5))
        grid = plan_grid((4, 5), (2, 3), mode="valid")
        assert grid.pad(image) is image
        seen = grid.view(image, (0, 0), (slice(0, 3), slice(0, 3)))
        assert np.shares_memory(seen, image)


class TestRefuses:
    @pytest.mark.parametrize(
        ("argument", "value"),
        [
            ("mode", "ful"),
            ("mode", None),
            ("mode", 2),
            ("boundary", "symmetrical"),
            ("boundary", []),
        ],
    )
    def test_unknown_words(self, argument, value):
        with pytest.raises(ValueError, match=f"{argument}: expected one of '.*', got"):
            plan_grid((3,), (3,), **{argument: value})

    @pytest.mark.parametrize(
        ("argument", "value", "hint"),
        [
            ("mode", "reflect", "for values outside the image, write boundary='reflect'"),
            ("mode", "grid-wrap", "for values outside the image, write boundary='grid-wrap'"),
            ("mode", "replicate", "for values outside the image, write boundary='nearest'"),
            ("boundary", "same", "for the shape of the result, write mode='same'"),
            ("boundary", "periodic", "write boundary='wrap'"),
            ("boundary", "zeros", "write boundary='fill'"),
            ("boundary", "extend", "write boundary='nearest'"),
            ("boundary", "direct", r"for an algorithm, write method=qconv.Collapse\(\) or .*"),
        ],
    )
    def test_words_of_other_libraries(self, argument, value, hint):
        with pytest.raises(ValueError, match=f"{argument}: .*, got '{value}'; {hint}$"):
            plan_grid((3,), (3,), **{argument: value})

    def test_impossible_valid(self):
        with pytest.raises(
            ValueError, match=r"mode: 'valid' requires .*\(2, 5\) and kernel \(3, 4\)"
        ):
            plan_grid((2, 5), (3, 4), mode="valid")


shapes = st.one_of(
    st.tuples(st.integers(1, 20_000)),
    st.tuples(st.integers(1, 300), st.integers(1, 300)),
    st.tuples(st.integers(1, 3), st.integers(1, 9000)),
    st.tuples(st.integers(1, 9000), st.integers(1, 3)),
    st.tuples(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40)),
)


class TestTiles:
    @given(shapes)
    def test_cover_once(self, shape):
        tiles = plan_grid(shape, (1,) * len(shape)).tiles
        covered = np.zeros(shape, dtype=int)
        for tile in tiles:
            assert 1 <= tile_pixels(tile) <= TILE_PIXELS
            assert covered[tile].size == tile_pixels(tile)
            covered[tile] += 1
        assert (covered == 1).all()

    @given(shapes)
    def test_order_is_that_of_their_corners(self, shape):
        corners = [
            tuple(part.start for part in t) for t in plan_grid(shape, (1,) * len(shape)).tiles
        ]
        assert corners == sorted(corners)
        assert len(set(corners)) == len(corners)

    @given(shapes)
    def test_few(self, shape):
        count = len(plan_grid(shape, (1,) * len(shape)).tiles)
        assert count <= 2 ** len(shape) * math.ceil(math.prod(shape) / TILE_PIXELS)

    def test_fixed(self):
        # Seeded results depend on these numbers: changing them changes every result.
        assert TILE_PIXELS == 4096
        first = plan_grid((100, 100), (1, 1)).tiles
        assert first == ((slice(0, 40), slice(0, 100)), *first[1:])
        assert [t[0].stop for t in first] == [40, 80, 100]
        assert plan_grid((5000,), (1,)).tiles == ((slice(0, 4096),), (slice(4096, 5000),))

    def test_depend_on_the_output_alone(self):
        one = plan_grid((70, 90), (3, 5), mode="same", boundary="symm").tiles
        other = plan_grid((72, 94), (3, 5), mode="valid", flipped=False).tiles
        assert one == other


class TestSplit:
    @given(shapes, st.integers(1, 6000), st.data())
    def test_pieces_follow_each_other_in_c_order(self, shape, pixels, data):
        tiles = plan_grid(shape, (1,) * len(shape)).tiles
        tile = tiles[data.draw(st.integers(0, len(tiles) - 1))]
        numbers = np.arange(math.prod(shape)).reshape(shape)
        pieces = list(itertools.islice(split_tile(tile, pixels), 5000))
        assert all(1 <= tile_pixels(piece) <= pixels for piece in pieces)
        followed = np.concatenate([numbers[piece].ravel() for piece in pieces])
        assert np.array_equal(followed, numbers[tile].ravel()[: followed.size])
        if len(pieces) < 5000:
            assert followed.size == tile_pixels(tile)

    def test_a_tile_that_fits_is_left_alone(self):
        tile = (slice(3, 5), slice(7, 9))
        assert list(split_tile(tile, 4)) == [tile]

    def test_one_pixel_pieces(self):
        tile = (slice(1, 3), slice(0, 2))
        corners = [tuple(part.start for part in piece) for piece in split_tile(tile, 1)]
        assert corners == [(1, 0), (1, 1), (2, 0), (2, 1)]
