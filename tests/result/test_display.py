"""Display of results: figures, notebooks, and conversion to NumPy arrays."""

import re
import subprocess
import sys
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

import classical
import qconv
from qconv.visualization.figures import result_figure
from tests.cases import EDGE

IMAGE = np.random.default_rng(1).random((12, 15))
HOW = {"mode": "same", "boundary": "symm"}
RESULT = qconv.convolve(IMAGE, EDGE, shots=50, seed=1, **HOW)
EXACT = classical.convolve(IMAGE, EDGE, **HOW)


def titles(figure):
    return [axes.get_title() for axes in figure.axes if axes.get_title()]


class TestPlot:
    def test_alone(self):
        assert titles(RESULT.plot(title="edges")) == ["measured by the circuit", "standard error"]
        assert RESULT.plot(title="edges").get_suptitle() == "edges"

    def test_with_all_that_is_known(self, tmp_path):
        propagator = qconv.Propagator.from_kernel(EDGE)
        figure = RESULT.plot(IMAGE, EXACT, propagator=propagator)
        assert titles(figure) == [
            "input",
            "exact convolution",
            "measured by the circuit",
            "measured minus exact",
            "propagator in the circuit (weights \N{PLUS-MINUS SIGN}16)",
            "standard error",
            "part of a row with 95 % intervals",
            "error / standard error",
        ]
        figure.savefig(tmp_path / "figure.png")
        assert (tmp_path / "figure.png").stat().st_size > 10_000

    @pytest.mark.parametrize(("sign", "text"), [(1, ""), (-1, "\N{MINUS SIGN}")])
    def test_weights_of_one_sign(self, sign, text):
        propagator = qconv.Propagator.from_kernel(sign * np.ones((2, 2)))
        assert f"propagator in the circuit (weights {text}4)" in titles(
            RESULT.plot(propagator=propagator)
        )

    def test_of_one_axis(self):
        signal, kernel = IMAGE[0], np.array([1.0, 2, 1])
        result = qconv.convolve(signal, kernel, shots=9, seed=1)
        figure = result.plot(signal, classical.convolve(signal, kernel))
        assert "part of a row with 95 % intervals" in titles(figure)

    @pytest.mark.parametrize("colours", [0, 3])
    def test_intervals_of_a_row(self, colours):
        """Half an interval is 1.96 standard errors; in colour, of the mean of the channels."""
        rng = np.random.default_rng(2)
        shape = (6, 7, colours) if colours else (6, 7)
        exact, error, stderr = rng.random(shape), rng.normal(size=shape), 1 + rng.random(shape)
        figure = result_figure(exact + error, stderr, exact=exact, channels=bool(colours))
        (axes,) = (axes for axes in figure.axes if "a row" in axes.get_title())
        row = int(re.search(r"row (\d+)", axes.get_xlabel())[1])
        (drawn,) = axes.containers
        points, _, (bars,) = drawn
        ends = np.array(bars.get_segments())[:, :, 1]
        if colours:
            measured = (exact + error)[row].mean(axis=1)
            spread = np.sqrt((stderr[row] ** 2).sum(axis=1)) / 3
        else:
            measured, spread = (exact + error)[row], stderr[row]
        np.testing.assert_allclose(points.get_ydata(), measured, rtol=1e-12)
        np.testing.assert_allclose(np.ptp(ends, axis=1) / 2, 1.96 * spread, rtol=1e-9)

    def test_of_a_single_pixel(self):
        result = qconv.convolve([[2.0]], [[3.0]], shots=5, seed=1)
        assert len(titles(result.plot([[2.0]], [[6.0]]))) == 7

    def test_exact_and_unknown_errors(self, tmp_path):
        exact = qconv.convolve(IMAGE, EDGE, shots=None, **HOW)
        assert "expectation of the circuit" in titles(exact.plot(IMAGE, EXACT))
        unknown = qconv.Convolution(IMAGE, IMAGE * np.nan, 1, 1, ())
        unknown.plot(IMAGE, IMAGE).savefig(tmp_path / "unknown.png")

    @pytest.mark.parametrize(
        ("shape", "change", "message"),
        [
            ((2, 3, 4, 5), {}, "plot: expected a result with one, two or three axes, got"),
            ((0, 3), {}, "plot: expected a result with one, two or three axes, got"),
            ((3, 4), {"exact": np.ones((4, 3))}, r"exact: expected the shape \(3, 4\)"),
            ((3, 4), {"image": np.ones((4, 3, 2))}, "image: expected 2 axes, as the result, got 3"),
            ((3, 4), {"exact": np.full((3, 4), np.nan)}, "exact: expected finite numbers"),
        ],
        ids=str,
    )
    def test_refused(self, shape, change, message):
        result = qconv.Convolution(np.ones(shape), np.ones(shape), 1, 1, ())
        with pytest.raises(ValueError, match=message):
            result.plot(**change)

    @pytest.mark.parametrize("axis", [0, 1, -1])
    def test_in_colour(self, axis, tmp_path):
        """Input, exact and measured image are in colour, for any axis of the channels."""
        image = np.random.default_rng(3).random((6, 7, 3)) * 255
        moved = np.moveaxis(image, -1, axis)
        result = qconv.convolve(moved, EDGE, shots=None, channel_axis=axis, mode="same")
        exact = classical.convolve(moved, EDGE, channel_axis=axis, mode="same")
        figure = result.plot(moved, exact)
        figure.savefig(tmp_path / "colour.png")
        drawn = {
            axes.get_title(): axes.images[0].get_array() for axes in figure.axes if axes.images
        }
        np.testing.assert_allclose(drawn["input"], image / 255, atol=1e-12)
        assert drawn["expectation of the circuit"].shape == (6, 7, 3)
        assert drawn["standard error"].shape == (6, 7)
        assert result._repr_html_().count("<img") == 2

    def test_of_complex_numbers(self, tmp_path):
        """All parts are drawn; phases are coloured, and grey where they are unknown."""
        field = np.exp(2j * np.pi * np.arange(36).reshape(4, 9) / 9)
        field[1, 2] = 0
        result = qconv.convolve(field, [[1j]], shots=9, seed=1, mode="same")
        exact = 1j * field
        propagator = qconv.Propagator.from_kernel([[1, -1j]])
        figure = result.plot(field, exact, propagator=propagator)
        figure.savefig(tmp_path / "complex.png")
        assert titles(figure) == [
            "input: magnitude",
            "input: phase",
            "exact convolution: magnitude",
            "exact convolution: phase",
            "expectation of the circuit: magnitude",
            "expectation of the circuit: phase",
            "real part",
            "imaginary part",
            "measured minus exact: real part",
            "measured minus exact: imaginary part",
            "propagator in the circuit (|weights| 2)",
            "standard error: real part",
            "standard error: imaginary part",
            "real part of a row with 95 % intervals",
            "imaginary part of a row with 95 % intervals",
            "error / standard error",
        ]
        drawn = {axes.get_title(): axes for axes in figure.axes if axes.images}
        phases = np.asarray(drawn["exact convolution: phase"].images[0].get_array())
        colours = matplotlib.colormaps["twilight"](np.angle(exact) / (2 * np.pi) + 0.5)
        colours[1, 2, :3] = 0.5
        np.testing.assert_allclose(phases, colours, atol=1e-12)
        for name, part in (("real part", exact.real), ("imaginary part", exact.imag)):
            shown = np.asarray(drawn[name].images[0].get_array())
            np.testing.assert_allclose(shown, (part / np.abs(exact).max() + 1) / 2, atol=0.02)
        texts = [text.get_text() for axes in figure.axes for text in axes.texts]
        assert "0.5\n(\N{MINUS SIGN}90\N{DEGREE SIGN})" in texts

    @pytest.mark.parametrize(
        ("shape", "axis", "count"), [((9,), None, 6), ((4, 5, 3), -1, 6), ((3, 4, 5), None, 6)]
    )
    def test_of_complex_numbers_of_any_kind(self, shape, axis, count, tmp_path):
        rng = np.random.default_rng(6)
        field = rng.normal(size=shape) + 1j * rng.normal(size=shape)
        kernel = np.ones([3] * (len(shape) - (axis is not None)))
        result = qconv.convolve(field, kernel, shots=50, seed=1, channel_axis=axis)
        figure = result.plot(title="complex")
        figure.savefig(tmp_path / "complex.png")
        assert len(titles(figure)) == count
        assert result._repr_html_().count("<img") == (0 if len(shape) == 1 else 5)
        mine = Figure().subplots()
        result.plot(result.image.real, result.image, ax=mine)
        assert mine.get_title() == "measured by the circuit: magnitude"
        figure = result.magnitude().plot(result.image[:2])
        figure.savefig(tmp_path / "magnitude.png")
        with pytest.raises(ValueError, match="exact: expected real numbers, as the result"):
            result.phase().plot(exact=result.image)

    def test_unknown_phases_are_grey(self):
        image = np.array([[5 + 5j, 0.5j, 0]])
        noisy = qconv.Convolution(image, np.full((1, 3), 1 + 1j), 1, 1, ())
        drawn = {axes.get_title(): axes for axes in noisy.plot().axes if axes.images}
        colours = np.asarray(drawn["measured by the circuit: phase"].images[0].get_array())
        assert (colours[0, 1:] == (0.5, 0.5, 0.5, 1)).all()
        assert len(set(colours[0, 0, :3])) == 3

    @pytest.mark.slow
    @pytest.mark.parametrize("colours", [False, True])
    def test_of_a_volume(self, colours, tmp_path):
        """The three planes meet in the point, or in the centre."""
        volume = np.random.default_rng(4).random((4, 6, 5, 3)[: 3 + colours]) * 255
        box = np.ones((1, 1, 1))
        where = {"channel_axis": -1} if colours else {}
        result = qconv.convolve(volume, box, shots=None, **where)
        for given, point in (((1, -2, 3), (1, 4, 3)), (None, (2, 3, 2))):
            figure = result.plot(volume, volume, point=given)
            figure.savefig(tmp_path / "volume.png")
            text = f"planes through plane {point[0]}, row {point[1]}, column {point[2]}"
            assert text in figure.get_suptitle()
            axes = next(axes for axes in figure.axes if axes.get_title() == "input")
            shown = np.asarray(axes.images[0].get_array())
            shown = shown[..., :3] if colours else shown  # the fourth is opacity
            z, y, x = point
            np.testing.assert_allclose(shown[:6, :5], volume[z] / 255, atol=1e-12)
            np.testing.assert_allclose(shown[7:, :5], volume[:, y] / 255, atol=1e-12)
            beside = np.swapaxes(volume[:, :, x], 0, 1)
            np.testing.assert_allclose(shown[:6, 6:], beside / 255, atol=1e-12)
            assert shown.shape[:2] == (6 + 1 + 4, 5 + 1 + 4)
        assert result._repr_html_().count("<img") == 2

    def test_of_signals(self):
        sound = np.random.default_rng(5).random((20, 2))
        result = qconv.convolve(sound, [1, 1], shots=9, seed=1, mode="same", channel_axis=-1)
        figure = result.plot(sound, result.image)
        assert len(figure.axes[0].lines) == 2
        assert "<img" not in result._repr_html_()

    def test_propagator_of_a_volume(self):
        kernel = np.ones((3, 2, 2))
        kernel[1, 0, 1] = 5
        result = qconv.convolve(np.ones((4, 4, 4)), kernel, shots=None)
        figure = result.plot(propagator=qconv.Propagator.from_kernel(kernel))
        assert "kernel column, in plane 1" in [axes.get_xlabel() for axes in figure.axes]

    @pytest.mark.parametrize(
        ("shape", "axis", "change", "message"),
        [
            ((3, 4, 4), 2, {}, r"got 4; plot result\[:, :, 0\] or result\[:, :, :3\]"),
            ((2, 3, 4), 0, {}, r"expected 3 channels .*, got 2; plot result\[0, :, :\]$"),
            ((2, 3, 4, 5, 3), 4, {}, "one, two or three axes besides the channels, got"),
            ((3, 4), None, {"point": (1, 1, 1)}, "point: expected None for a result without"),
            ((3, 4, 5), None, {"point": (1, 1, 5)}, r"point: expected an index inside \(3, 4, 5\)"),
            ((3, 4, 5), None, {"point": (1, -5, 1)}, "point: expected an integer >= -4, got -5"),
            ((3, 4, 5), None, {"point": 3}, r"point: expected \(plane, row, column\), got 3"),
            (
                (4, 5, 3),
                2,
                {"image": np.ones((4, 5, 4))},
                "image: expected 3 channels along axis 2",
            ),
        ],
        ids=str,
    )
    def test_refused_in_colour(self, shape, axis, change, message):
        result = qconv.Convolution(np.ones(shape), np.ones(shape), 1, 1, (), channel_axis=axis)
        with pytest.raises(ValueError, match=message):
            result.plot(**change)

    def test_axes_of_the_caller(self):
        figure = Figure(layout="constrained")
        mine, other = figure.subplots(1, 2)
        assert RESULT.plot(IMAGE, EXACT, ax=mine) is figure
        assert [mine.get_title(), other.get_title()] == ["measured by the circuit", ""]
        assert RESULT.plot(ax=[mine, other], title="mine") is figure
        assert [mine.get_title(), other.get_title()] == titles(RESULT.plot())
        assert figure.get_suptitle() == "mine"
        several = Figure().subplots(2, 4)
        RESULT.plot(IMAGE, EXACT, ax=several.ravel()[:7])
        assert [axes.get_title() for axes in several.flat[:7]] == titles(RESULT.plot(IMAGE, EXACT))
        with pytest.raises(ValueError, match="ax: expected axes for 1 or 2 pictures, got 8"):
            RESULT.plot(ax=several)
        with pytest.raises(ValueError, match="ax: expected axes for 1 or 2 pictures, got 0"):
            RESULT.plot(ax=[])
        for wrong in (figure, [mine, None], "here"):
            with pytest.raises(TypeError, match="ax: expected matplotlib axes, got "):
                RESULT.plot(ax=wrong)
        part = Figure().subfigures(1, 2)[0].subplots()
        RESULT.plot(ax=part)
        assert part.get_title() == "measured by the circuit"

    def test_without_matplotlib(self):
        code = (
            "import sys; sys.modules['matplotlib'] = None\n"
            "import qconv\n"
            "result = qconv.convolve([[1.0, 2.0]], [[1.0]], shots=3, seed=1)\n"
            "assert '<table>' in result._repr_html_() and '<img' not in result._repr_html_()\n"
            "result.plot()"
        )
        found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert "pip install 'qconv[images]'" in found.stderr.splitlines()[-1]


class TestNotebook:
    def test_pictures_and_numbers(self):
        text = RESULT._repr_html_()
        tree = ElementTree.fromstring(text)
        assert [image.get("alt") for image in tree.iter("img")] == ["estimate", "standard error"]
        cells = [cell.text for cell in tree.iter("td")]
        assert cells[::2] == [line[:22].strip() for line in str(RESULT).splitlines()]
        assert cells[1::2] == [line[22:] for line in str(RESULT).splitlines()]

    def test_large_pictures_are_thinned_out(self):
        large = qconv.Convolution(np.ones((3000, 2000)), np.ones((3000, 2000)), 1, 1, ())
        assert len(large._repr_html_()) < 50_000

    @pytest.mark.parametrize("shape", [(7,), (2, 3, 4, 5), (0, 4)], ids=str)
    def test_other_shapes_as_a_table(self, shape):
        result = qconv.Convolution(np.ones(shape), np.ones(shape), 1, 1, ())
        assert "<img" not in result._repr_html_()
        assert "<table>" in result._repr_html_()


class TestArray:
    def test_is_the_image(self):
        assert np.asarray(RESULT) is RESULT.image or np.shares_memory(
            np.asarray(RESULT), RESULT.image
        )
        assert np.array_equal(np.array(RESULT), RESULT.image)
        assert np.asarray(RESULT, dtype=np.float32).dtype == np.float32
        assert not np.shares_memory(np.array(RESULT, copy=True), RESULT.image)

    def test_convolved_again(self):
        again = qconv.convolve(RESULT, EDGE, shots=None)
        np.testing.assert_array_equal(
            again.image, qconv.convolve(RESULT.image, EDGE, shots=None).image
        )

    def test_shown_by_matplotlib(self):
        from matplotlib.figure import Figure

        shown = Figure().subplots().imshow(RESULT)
        assert np.array_equal(shown.get_array(), RESULT.image)

    @pytest.mark.parametrize("other", [EXACT, 1.0, np.float64(2), [[1.0]]], ids=type)
    def test_sums_with_arrays_would_lose_the_error(self, other):
        with pytest.raises(TypeError):
            RESULT + other
        with pytest.raises(TypeError):
            other + RESULT
