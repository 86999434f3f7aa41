"""Convolve images with quantum circuits, on Qiskit Aer, with standard errors.

A convolution kernel, normalised, is the propagator of a diffusion. Encoded in the amplitudes of a
few qubits it puts a pixel in superposition over the positions that the kernel reaches; a
measurement picks one of them with the kernel's probability; the average over many is the
convolution.

    import qconv
    result = qconv.convolve(image, kernel, shots=1000, seed=7)
    result.image, result.stderr
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qconv.circuits.arithmetic import offset_adder
    from qconv.circuits.encoding import encode_amplitudes
    from qconv.circuits.resources import resources
    from qconv.convolution import convolve, correlate, plan
    from qconv.execution.outcomes.outcomes import Outcomes
    from qconv.execution.outcomes.readout import ReadoutMitigation
    from qconv.execution.program import Program
    from qconv.filtering import filter_frequencies
    from qconv.kernels import named_kernel
    from qconv.layer.functional import conv1d, conv2d
    from qconv.matching.template import Match, match_template
    from qconv.methods.amplitude_estimation.method import AmplitudeEstimation
    from qconv.methods.blocks import Blocks
    from qconv.methods.collapse.method import Collapse
    from qconv.methods.comparison import MethodComparison, compare_methods
    from qconv.methods.whole_image.diffusion import Diffusion
    from qconv.methods.whole_image.fourier import Fourier
    from qconv.methods.whole_image.interference import Interference
    from qconv.planning.cost import Cost
    from qconv.planning.method import Method, Prediction, Prepared
    from qconv.planning.options import SamplingOptions
    from qconv.planning.plan import Plan
    from qconv.propagator import Propagator
    from qconv.result.convolution import Convolution, load
    from qconv.result.diagnostics import Diagnostics

__version__ = "0.1.0"

#: Where each name is defined, to be imported when it is first asked for: Qiskit takes a second.
_HOMES = {
    "AmplitudeEstimation": "qconv.methods.amplitude_estimation.method",
    "Blocks": "qconv.methods.blocks",
    "Collapse": "qconv.methods.collapse.method",
    "Convolution": "qconv.result.convolution",
    "Cost": "qconv.planning.cost",
    "Diagnostics": "qconv.result.diagnostics",
    "Diffusion": "qconv.methods.whole_image.diffusion",
    "Fourier": "qconv.methods.whole_image.fourier",
    "Interference": "qconv.methods.whole_image.interference",
    "Match": "qconv.matching.template",
    "Method": "qconv.planning.method",
    "MethodComparison": "qconv.methods.comparison",
    "Outcomes": "qconv.execution.outcomes.outcomes",
    "Plan": "qconv.planning.plan",
    "Program": "qconv.execution.program",
    "Prediction": "qconv.planning.method",
    "Prepared": "qconv.planning.method",
    "Propagator": "qconv.propagator",
    "ReadoutMitigation": "qconv.execution.outcomes.readout",
    "SamplingOptions": "qconv.planning.options",
    "compare_methods": "qconv.methods.comparison",
    "conv1d": "qconv.layer.functional",
    "conv2d": "qconv.layer.functional",
    "convolve": "qconv.convolution",
    "correlate": "qconv.convolution",
    "encode_amplitudes": "qconv.circuits.encoding",
    "filter_frequencies": "qconv.filtering",
    "load": "qconv.result.convolution",
    "match_template": "qconv.matching.template",
    "named_kernel": "qconv.kernels",
    "offset_adder": "qconv.circuits.arithmetic",
    "plan": "qconv.convolution",
    "resources": "qconv.circuits.resources",
}

__all__ = [
    "AmplitudeEstimation",
    "Blocks",
    "Collapse",
    "Convolution",
    "Cost",
    "Diagnostics",
    "Diffusion",
    "Fourier",
    "Interference",
    "Match",
    "Method",
    "MethodComparison",
    "Outcomes",
    "Plan",
    "Prediction",
    "Prepared",
    "Program",
    "Propagator",
    "ReadoutMitigation",
    "SamplingOptions",
    "compare_methods",
    "conv1d",
    "conv2d",
    "convolve",
    "correlate",
    "encode_amplitudes",
    "filter_frequencies",
    "load",
    "match_template",
    "named_kernel",
    "offset_adder",
    "plan",
    "resources",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for, a name or a part of the package."""
    if name in _HOMES:
        found = getattr(importlib.import_module(_HOMES[name]), name)
        globals()[name] = found
        return found
    try:
        return importlib.import_module(f"qconv.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"qconv.{name}":
            raise
    raise AttributeError(f"module 'qconv' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, "__version__"})
