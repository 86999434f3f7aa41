"""Complex pictures and kernels on the command line."""

import numpy as np
import pytest
from PIL import Image

import classical
import qconv
from qconv.cli import main

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (12, 14)).astype(np.uint8)
FIELD = GREY * np.exp(1j * np.arange(14))
KERNEL = np.array([[1, 1j], [0, -1]])
SHOTS = ["--shots", "50", "--seed", "1"]


@pytest.fixture(autouse=True)
def _files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(GREY).save("in.png")
    np.save("field.npy", FIELD)
    np.savez("field.npz", FIELD)
    np.save("kernel.npy", KERNEL)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "kernel"),
    [("in.png", "kernel.npy"), ("field.npy", "box"), ("field.npz", "kernel.npy")],
)
def test_arrays_are_complex(source, kernel):
    image = GREY if source == "in.png" else FIELD
    weights = KERNEL if kernel == "kernel.npy" else qconv.named_kernel("box")
    expected = classical.convolve(image, weights, "same", "symm")
    call = [source, "--kernel", kernel, "--quiet", "--exact", "--overwrite"]
    main([*call, "--out", "out.npy"])
    main([*call, "--out", "out.npz"])
    np.testing.assert_allclose(np.load("out.npy"), expected, rtol=0, atol=1e-9)
    result = qconv.load("out.npz")
    assert np.array_equal(result.image, np.load("out.npy"))
    assert result.covariance is not None


@pytest.mark.slow
def test_pictures_are_magnitudes(capsys):
    call = ["in.png", "--kernel", "kernel.npy", *SHOTS]
    main([*call, "--out", "out.png", "--stderr", "error.tif"])
    printed = capsys.readouterr().out
    assert "wrote out.png (magnitudes, 8 bits, black 0, white " in printed
    assert "standard errors to error.tif (magnitudes, float32)" in printed
    main([*call, "--out", "out.npy", "--stderr", "error.npy", "--figure", "other.png"])
    assert "wrote out.npy (complex128), standard errors to error.npy (complex128)" in (
        capsys.readouterr().out
    )
    main([*call, "--out", "size.npy", "--out-type", "float32", "--quiet", "--figure", "f.png"])
    sizes, complex_ = np.load("size.npy"), np.load("out.npy")
    np.testing.assert_allclose(sizes, np.abs(complex_), rtol=1e-6)
    shown = np.asarray(Image.open("out.png")).astype(float)
    exact = np.abs(classical.convolve(GREY, KERNEL, "same", "symm"))
    levels = np.clip(np.abs(complex_) / np.quantile(exact, 0.995), 0, 1) * 255
    assert np.abs(shown - levels).max() < 0.51


def test_default_is_an_array(capsys):
    main(["field.npy", "--kernel", "box", *SHOTS])
    assert "values of magnitude " in (printed := capsys.readouterr().out)
    assert "wrote result.npy (complex128) and result-figure.png" in printed


def test_several(capsys):
    sources = ["in.png", "field.npy", "field.npz"]
    main([*sources[:2], "--kernel", "kernel.npy", "--out-dir", "made", *SHOTS])
    printed = capsys.readouterr().out
    assert "made/in.png (magnitudes, 8 bits" in printed
    assert "made/field.npy (complex128)" in printed


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("in.png --kernel kernel.npy --softmax 1", "kernel: expected real numbers, got complex"),
        ("in.png --kernel gabor --method diffusion", "kernel: expected real numbers for Diffusion"),
        ("field.npy --method diffusion", "image: expected real numbers for Diffusion"),
        ("match field.npy in.png", "image: expected real numbers, got complex ones"),
        ("match in.png field.npy", "template: expected real numbers, got complex ones"),
    ],
)
def test_refused_in_one_line(call, message, capsys):
    assert main(call.split()) != 0
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
