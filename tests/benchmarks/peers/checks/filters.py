"""Published figures of filters: success probabilities of Jeng et al., variances, CX of QCrank."""

import numpy as np
from scipy.signal import convolve2d
from skimage import data
from skimage.transform import resize

import qconv
from tests.benchmarks.peers.adapters import qcrank
from tests.benchmarks.peers.jobs import filters
from tests.benchmarks.peers.jobs.pictures import NAMES, picture

LAPLACIAN = np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]])


def success(kernel, size=256):
    """Success probabilities of Jeng's circuit for all photographs, computed by formula."""
    held = np.prod([1 << (side - 1).bit_length() for side in kernel.shape])
    bound = held * np.sum(kernel**2)
    images = [picture(name, size) for name in NAMES]
    return [np.sum(filters.exact(im, kernel) ** 2) / np.sum(im**2) / bound for im in images]


def gaussian():
    """Gaussian of standard deviation 1, truncated to 3x3 and normalised."""
    line = np.exp(-0.5 * np.arange(-1, 2) ** 2)
    found = success(np.outer(line, line) / line.sum() ** 2)
    return {
        "published": "success 0.496",
        "measured": f"{min(found):.3f} to {max(found):.3f}",
        "verdict": "reproduced" if min(found) < 0.505 and max(found) > 0.487 else "contradicted",
        "same": "circuit, 3x3 Gaussian in 4 filter qubits",
        "different": "five photographs of 256x256; the width of the Gaussian is assumed to be 1",
    }


def laplacian():
    """Laplacian with four neighbours."""
    found = success(LAPLACIAN)
    inside = min(found) < 0.00012 < max(found)
    return {
        "published": "success 0.00012",
        "measured": f"{min(found):.5f} to {max(found):.5f}",
        "verdict": "reproduced: within the range" if inside else "contradicted: out of the range",
        "same": "circuit, 3x3 Laplacian in 4 filter qubits",
        "different": "five photographs of 256x256; the success depends on the photograph",
    }


def _variance(kernel, stated):
    def compared():
        image, shots = resize(data.camera() / 255, (128, 128), anti_aliasing=True), 10**6
        options = {"mode": "valid", "method": qconv.Collapse(baseline=True), "seed": 5}
        ours = qconv.convolve(image, kernel, shots=shots, **options).stderr ** 2 * shots
        windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)
        norms = np.sum(windows**2, axis=(2, 3)) * np.sum(kernel**2)
        theirs = norms - convolve2d(image, kernel, mode="valid") ** 2
        ratio = theirs.mean() / ours.mean()
        near = abs(ratio / stated - 1) < 0.1
        return {
            "published": f"{stated:,} (an earlier measurement of this project)",
            "measured": f"{ratio:,.0f}",
            "verdict": "reproduced within 10 %" if near else "not within 10 %",
            "same": "their picture (camera, 128x128), equal shots per pixel",
            "different": "their variance by formula, ours from standard errors at 10^6 shots",
        }

    return compared


def gates():
    """QCrank: one CX per pixel, and the error of a picture that is read out."""
    image = picture("camera", 16)
    found, _, number = qcrank.read((image / 127.5 - 1).reshape(-1, qcrank.DATA), 64_000, 1)
    error = np.sqrt(np.mean(((found + 1) * 127.5 - image.reshape(found.shape)) ** 2))
    return {
        "published": "one CX per pixel: 256 for 16x16 pixels",
        "measured": f"{number} CX; RMSE {error:.1f} grey levels at 64,000 shots",
        "verdict": "reproduced" if number == image.size else "contradicted",
        "same": "circuit and size",
        "different": "4 data qubits; the picture",
    }


HALVES = np.repeat([1, -1], 8).reshape(4, 4)
JENG = "Jeng et al., Entropy 25, 1503"
VARIANCE = "Roshanshah et al., variance over that of `Collapse`"
CHECKS = {
    f"{JENG}: Gaussian": gaussian,
    f"{JENG}: Laplacian": laplacian,
    f"{VARIANCE}: their 4x4 filter": _variance(HALVES, 51),
    f"{VARIANCE}: edge": _variance(filters.KERNELS["edges"], 867),
    f"{VARIANCE}: Laplacian": _variance(LAPLACIAN, 1206),
    "QCrank, Scientific Reports 14, 3435": gates,
}
