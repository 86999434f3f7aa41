"""Named kernels, against the filters of SciPy and scikit-image."""

import numpy as np
import pytest
from scipy import ndimage
from skimage import filters, morphology

import classical
import qconv
from qconv.kernels import KERNEL_NAMES, describe_kernel, kernel_options, named_kernel

RNG = np.random.default_rng(0)
IMAGES = {1: RNG.random(19), 2: RNG.random((13, 17)), 3: RNG.random((7, 8, 9))}
SIGMAS = (0.3, 1.0, 1.7)


def through(kernel, image, boundary="reflect"):
    """Convolve as SciPy does with its default boundary."""
    return classical.convolve(image, kernel, "same", boundary)


def same(kernel, image, expected, boundary="reflect"):
    np.testing.assert_allclose(through(kernel, image, boundary), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("ndim", [1, 2, 3])
class TestSciPy:
    @pytest.mark.parametrize("sigma", [0, *SIGMAS, "each"])
    @pytest.mark.parametrize("truncate", [4.0, 2.2])
    def test_gaussian(self, ndim, sigma, truncate):
        sigma = [0.5, 0, 1.5][:ndim] if sigma == "each" else sigma
        kernel = named_kernel("gaussian", sigma=sigma, truncate=truncate, ndim=ndim)
        image = IMAGES[ndim]
        same(kernel, image, ndimage.gaussian_filter(image, sigma, truncate=truncate))
        assert kernel.sum() == pytest.approx(1)

    def test_size_of_a_gaussian(self, ndim):
        kernel = named_kernel("gaussian", 5, sigma=2, ndim=ndim)
        assert kernel.shape == (5,) * ndim
        same(kernel, IMAGES[ndim], ndimage.gaussian_filter(IMAGES[ndim], 2, radius=2))

    @pytest.mark.parametrize("sigma", SIGMAS)
    def test_derivatives_of_gaussians(self, ndim, sigma):
        image = IMAGES[ndim]
        for axis, letter in zip(range(ndim), "xyz"[:ndim][::-1], strict=True):
            order = [int(axis == other) for other in range(ndim)]
            kernel = named_kernel(f"gaussian-{letter}", sigma=sigma, ndim=ndim)
            same(kernel, image, ndimage.gaussian_filter(image, sigma, order))

    @pytest.mark.parametrize("sigma", SIGMAS)
    def test_laplacian_of_gaussian(self, ndim, sigma):
        kernel = named_kernel("laplacian-of-gaussian", sigma=sigma, truncate=3, ndim=ndim)
        image = IMAGES[ndim]
        same(kernel, image, ndimage.gaussian_laplace(image, sigma, truncate=3))

    @pytest.mark.parametrize("name", ["sobel", "prewitt"])
    def test_derivatives(self, ndim, name):
        for axis, letter in zip(range(ndim), "xyz"[:ndim][::-1], strict=True):
            kernel = named_kernel(f"{name}-{letter}", ndim=ndim)
            same(kernel, IMAGES[ndim], getattr(ndimage, name)(IMAGES[ndim], axis))

    def test_laplacian(self, ndim):
        expected = ndimage.laplace(IMAGES[ndim])
        same(named_kernel("laplacian", ndim=ndim), IMAGES[ndim], expected)
        same(named_kernel("sharpen", ndim=ndim), IMAGES[ndim], IMAGES[ndim] - expected)

    def test_box(self, ndim):
        expected = ndimage.uniform_filter(IMAGES[ndim], 5)
        same(named_kernel("box", 5, ndim=ndim), IMAGES[ndim], expected)

    def test_others(self, ndim):
        image = IMAGES[ndim]
        same(named_kernel("identity", 5, ndim=ndim), image, image)
        excess = 3**ndim * (image - ndimage.uniform_filter(image, 3))
        same(named_kernel("edge", ndim=ndim), image, excess)
        binomial = image
        for axis in range(ndim):
            binomial = ndimage.convolve1d(binomial, [0.25, 0.5, 0.25], axis)
        same(named_kernel("gaussian", ndim=ndim), image, binomial)


class TestSkimage:
    @pytest.mark.parametrize("ndim", [2, 3])
    def test_scharr(self, ndim):
        for axis, letter in zip(range(ndim), "xyz"[:ndim][::-1], strict=True):
            expected = filters.scharr(IMAGES[ndim], axis=axis, mode="reflect")
            same(named_kernel(f"scharr-{letter}", ndim=ndim), IMAGES[ndim], expected)

    @pytest.mark.parametrize("ndim", [1, 2, 3])
    @pytest.mark.parametrize("sigma", SIGMAS)
    @pytest.mark.parametrize("high", [None, 1.75])
    def test_difference_of_gaussians(self, ndim, sigma, high):
        kernel = named_kernel("difference-of-gaussians", sigma=sigma, high_sigma=high, ndim=ndim)
        expected = filters.difference_of_gaussians(IMAGES[ndim], sigma, high)
        same(kernel, IMAGES[ndim], expected, "nearest")

    @pytest.mark.parametrize("ndim", [1, 2, 3])
    def test_unsharp(self, ndim):
        kernel = named_kernel("unsharp", sigma=1.5, amount=0.7, ndim=ndim)
        how = {"radius": 1.5, "amount": 0.7, "preserve_range": True}
        same(kernel, IMAGES[ndim], filters.unsharp_mask(IMAGES[ndim], **how))

    @pytest.mark.parametrize("theta", [0, 0.3, np.pi / 2, -2, 4])
    @pytest.mark.parametrize("frequency", [0.05, 0.1, 0.25, 0.6])
    def test_gabor(self, frequency, theta):
        how = {"frequency": frequency, "theta": theta}
        for ours, theirs in (
            ({}, {}),
            ({"bandwidth": 1.7, "offset": 0.4}, {"bandwidth": 1.7, "offset": 0.4}),
            ({"sigma": 3}, {"sigma_x": 3, "sigma_y": 3}),
            ({"sigma_x": 2, "truncate": 2}, {"sigma_x": 2, "n_stds": 2}),
            ({"sigma_x": 2, "sigma_y": 4.5}, {"sigma_x": 2, "sigma_y": 4.5}),
        ):
            expected = filters.gabor_kernel(**how, **theirs)
            found = named_kernel("gabor", **how, **ours)
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-15)

    def test_gabor_of_an_image(self):
        how = {"frequency": 0.2, "theta": 0.5}
        real, imaginary = filters.gabor(IMAGES[2], mode="reflect", **how)
        same(named_kernel("gabor", **how), IMAGES[2], real + 1j * imaginary)

    @pytest.mark.parametrize("radius", [0, 1, 2, 3.5, 6])
    def test_disk(self, radius):
        wanted = morphology.disk(radius) if radius != 3.5 else None
        if wanted is not None:
            np.testing.assert_allclose(named_kernel("disk", radius=radius), wanted / wanted.sum())
            ball = morphology.ball(radius)
            ours = named_kernel("disk", radius=radius, ndim=3)
            np.testing.assert_allclose(ours, ball / ball.sum())
        else:
            assert np.count_nonzero(named_kernel("disk", radius=radius)) == 37
        assert named_kernel("disk", 7).shape == (7, 7)
        assert named_kernel("disk", radius=2, ndim=1).tolist() == [0.2] * 5


class TestMotion:
    def test_along_the_axes_and_diagonals(self):
        np.testing.assert_allclose(named_kernel("motion"), np.full((1, 9), 1 / 9))
        np.testing.assert_allclose(named_kernel("motion", 5, angle=90), np.full((5, 1), 0.2))
        rising = named_kernel("motion", 7, angle=45)
        np.testing.assert_allclose(rising, rising.T[::-1, ::-1])
        assert rising[1, -2] > 0
        assert rising[0, 0] == 0
        np.testing.assert_allclose(named_kernel("motion", 7, angle=135), rising[:, ::-1])

    @pytest.mark.parametrize("angle", [0, 17, 45, 80, 90, 123.4])
    def test_moments(self, angle):
        """Mass 1, centre in the middle, and the direction of the longest axis."""
        kernel = named_kernel("motion", 21, angle=angle)
        assert kernel.sum() == pytest.approx(1)
        np.testing.assert_allclose(kernel, kernel[::-1, ::-1], atol=1e-12)
        y, x = np.mgrid[: kernel.shape[0], : kernel.shape[1]]
        y, x = (kernel.shape[0] - 1) / 2 - y, x - (kernel.shape[1] - 1) / 2
        covariance = [[(kernel * a * b).sum() for a in (x, y)] for b in (x, y)]
        direction = np.linalg.eigh(covariance)[1][:, -1]
        turned = np.degrees(np.arctan2(direction[1], direction[0]))
        assert abs((turned - angle + 90) % 180 - 90) < 1


def test_every_kernel_is_convolved():
    for name in KERNEL_NAMES:
        kernel = named_kernel(name)
        image = IMAGES[kernel.ndim]
        result = qconv.convolve(image, kernel, "same", "mirror", shots=None)
        np.testing.assert_allclose(result.image, through(kernel, image, "mirror"), atol=1e-12)
        assert describe_kernel(name)
        assert "ndim" in kernel_options(name)


@pytest.mark.parametrize(
    ("name", "options", "error", "message"),
    [
        ("sobel", {}, ValueError, "got 'sobel'; perhaps sobel-x or sobel-y or sobel-z?"),
        ("LoG", {}, ValueError, "got 'LoG'; perhaps laplacian-of-gaussian?"),
        ("dog", {}, ValueError, "got 'dog'; perhaps difference-of-gaussians?"),
        ("GAUSSIAN", {}, ValueError, "got 'GAUSSIAN'; perhaps gaussian?"),
        ("shrapen", {}, ValueError, "got 'shrapen'; perhaps sharpen?"),
        ("lapacian", {}, ValueError, "got 'lapacian'; perhaps laplacian?"),
        ("mask", {}, ValueError, "got 'mask'"),
        ("box", {"sigma": 2}, TypeError, "sigma: unexpected option of 'box'; expected size, ndim"),
        ("box", {"ndim": 4}, ValueError, "ndim: expected an integer <= 3, got 4"),
        ("sobel-y", {"ndim": 1}, ValueError, "ndim: expected at least 2 for sobel-y, got 1"),
        ("emboss", {"ndim": 3}, ValueError, "ndim: expected 2 for emboss, got 3"),
        ("motion", {"ndim": 1}, ValueError, "ndim: expected 2 for motion, got 1"),
        ("motion", {"angle": "up"}, TypeError, "angle: expected a real number, got 'up'"),
        ("gaussian", {"sigma": -1}, ValueError, "sigma: expected numbers >= 0, got -1"),
        ("gaussian", {"sigma": [1, 2, 3]}, ValueError, "sigma: expected one number or 2, got"),
        ("gaussian", {"sigma": "2"}, TypeError, "sigma: expected a real number, got '2'"),
        ("gaussian", {"sigma": 40}, ValueError, "sides of at most 255, got 321; reduce sigma"),
        ("gaussian", {"sigma": 1e300}, ValueError, "sides of at most 255, got"),
        ("gaussian", {"truncate": 2}, ValueError, "truncate: expected sigma too"),
        (
            "gaussian",
            {"sigma": 1, "truncate": 0},
            ValueError,
            "truncate: expected a number above 0",
        ),
        ("gaussian-x", {"sigma": 0}, ValueError, "sigma: expected numbers above 0 for gaussian-x"),
        ("laplacian-of-gaussian", {"sigma": 0}, ValueError, "above 0 for laplacian-of-gaussian"),
        (
            "difference-of-gaussians",
            {"high_sigma": 0.5},
            ValueError,
            "high_sigma: expected at least sigma, 1.0, got 0.5",
        ),
        ("gabor", {"frequency": 0}, ValueError, "frequency: expected a number above 0, got 0"),
        ("gabor", {"frequency": 1e-5}, ValueError, "sides of at most 255, got "),
        ("gabor", {"sigma": 2, "sigma_y": 2}, ValueError, "sigma: expected no value together"),
        ("gabor", {"sigma_x": -1}, ValueError, "sigma_x: expected a number above 0, got -1"),
        ("gabor", {"bandwidth": "1"}, TypeError, "bandwidth: expected a real number, got '1'"),
        ("gabor", {"ndim": 3}, ValueError, "ndim: expected 2 for gabor, got 3"),
        ("disk", {"radius": -1}, ValueError, "radius: expected a number from 0 to 127, got -1"),
        ("disk", {"radius": 1, "size": 3}, ValueError, "size: expected no value together with"),
        ("prewitt-x", {"size": 5}, ValueError, "size: prewitt-x exists as 3 x 3 only, got 5"),
    ],
)
def test_refuses(name, options, error, message):
    with pytest.raises(error) as raised:
        named_kernel(name, **options)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)
