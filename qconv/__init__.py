"""Convolve images with quantum circuits, on Qiskit Aer, with standard errors.

A normalised convolution kernel is the propagator of a diffusion: the probability distribution of
one displacement. A few qubits encode this distribution in their amplitudes, as a superposition of
all kernel positions. A measurement selects one position, with the probability that the kernel
gives. The average over many measurements converges to the convolution.

    import qconv

    result = qconv.convolve(image, kernel, shots=1000, seed=7)
    result.image, result.stderr
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qconv.circuits.arithmetic import offset_adder as offset_adder
    from qconv.circuits.encoding import encode_amplitudes as encode_amplitudes
    from qconv.circuits.loading.image import LoadedImage as LoadedImage
    from qconv.circuits.loading.image import encode_image as encode_image
    from qconv.circuits.loading.preparation import ApproximatePreparation as ApproximatePreparation
    from qconv.circuits.resources import resources as resources
    from qconv.convolution import convolve as convolve
    from qconv.convolution import correlate as correlate
    from qconv.convolution import plan as plan
    from qconv.estimating import estimate as estimate
    from qconv.execution.outcomes.outcomes import Outcomes as Outcomes
    from qconv.execution.outcomes.readout import ReadoutMitigation as ReadoutMitigation
    from qconv.execution.program import Program as Program
    from qconv.filtering import filter_frequencies as filter_frequencies
    from qconv.kernels import named_kernel as named_kernel
    from qconv.layer.functional import conv1d as conv1d
    from qconv.layer.functional import conv2d as conv2d
    from qconv.matching.template import Match as Match
    from qconv.matching.template import match_template as match_template
    from qconv.methods.amplitude_estimation.method import AmplitudeEstimation as AmplitudeEstimation
    from qconv.methods.blocks import Blocks as Blocks
    from qconv.methods.collapse.method import Collapse as Collapse
    from qconv.methods.comparison import MethodComparison as MethodComparison
    from qconv.methods.comparison import compare_methods as compare_methods
    from qconv.methods.whole_image.diffusion import Diffusion as Diffusion
    from qconv.methods.whole_image.fourier import Fourier as Fourier
    from qconv.methods.whole_image.interference import Interference as Interference
    from qconv.observables.observable import Band as Band
    from qconv.observables.observable import Energy as Energy
    from qconv.observables.observable import Mean as Mean
    from qconv.observables.observable import Observable as Observable
    from qconv.observables.observable import Overlap as Overlap
    from qconv.observables.observable import Total as Total
    from qconv.planning.cost import Cost as Cost
    from qconv.planning.method import LoadingError as LoadingError
    from qconv.planning.method import Method as Method
    from qconv.planning.method import Prediction as Prediction
    from qconv.planning.method import Prepared as Prepared
    from qconv.planning.number_plan import NumberPlan as NumberPlan
    from qconv.planning.options import SamplingOptions as SamplingOptions
    from qconv.planning.plan import Plan as Plan
    from qconv.propagator import Propagator as Propagator
    from qconv.result.convolution import Convolution as Convolution
    from qconv.result.convolution import load as load
    from qconv.result.diagnostics import Diagnostics as Diagnostics
    from qconv.result.several import Estimates as Estimates
    from qconv.result.single import Estimate as Estimate

__version__ = "0.2.0"

#: Module of each public name, imported on first use because Qiskit takes a second to import.
_HOMES = {
    "AmplitudeEstimation": "qconv.methods.amplitude_estimation.method",
    "ApproximatePreparation": "qconv.circuits.loading.preparation",
    "Band": "qconv.observables.observable",
    "Blocks": "qconv.methods.blocks",
    "Collapse": "qconv.methods.collapse.method",
    "Convolution": "qconv.result.convolution",
    "Cost": "qconv.planning.cost",
    "Diagnostics": "qconv.result.diagnostics",
    "Diffusion": "qconv.methods.whole_image.diffusion",
    "Energy": "qconv.observables.observable",
    "Estimate": "qconv.result.single",
    "Estimates": "qconv.result.several",
    "Fourier": "qconv.methods.whole_image.fourier",
    "Interference": "qconv.methods.whole_image.interference",
    "LoadedImage": "qconv.circuits.loading.image",
    "LoadingError": "qconv.planning.method",
    "Match": "qconv.matching.template",
    "Mean": "qconv.observables.observable",
    "Method": "qconv.planning.method",
    "MethodComparison": "qconv.methods.comparison",
    "NumberPlan": "qconv.planning.number_plan",
    "Observable": "qconv.observables.observable",
    "Outcomes": "qconv.execution.outcomes.outcomes",
    "Overlap": "qconv.observables.observable",
    "Plan": "qconv.planning.plan",
    "Prediction": "qconv.planning.method",
    "Prepared": "qconv.planning.method",
    "Program": "qconv.execution.program",
    "Propagator": "qconv.propagator",
    "ReadoutMitigation": "qconv.execution.outcomes.readout",
    "SamplingOptions": "qconv.planning.options",
    "Total": "qconv.observables.observable",
    "compare_methods": "qconv.methods.comparison",
    "conv1d": "qconv.layer.functional",
    "conv2d": "qconv.layer.functional",
    "convolve": "qconv.convolution",
    "correlate": "qconv.convolution",
    "encode_amplitudes": "qconv.circuits.encoding",
    "encode_image": "qconv.circuits.loading.image",
    "estimate": "qconv.estimating",
    "filter_frequencies": "qconv.filtering",
    "load": "qconv.result.convolution",
    "match_template": "qconv.matching.template",
    "named_kernel": "qconv.kernels",
    "offset_adder": "qconv.circuits.arithmetic",
    "plan": "qconv.convolution",
    "resources": "qconv.circuits.resources",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    """Import a public name or a module of the package on first use."""
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
