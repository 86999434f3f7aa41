"""Settings of one call of the command ``qconv`` that do not depend on its pictures."""

from __future__ import annotations

import argparse
import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import classical
import qconv
from qconv._checks import Numbers
from qconv.cli.convolve_options import METHODS, OPTIONS, has_own_shots
from qconv.cli.kernels import kernel_of
from qconv.cli.options import UsageError, named_backend
from qconv.cli.space import Space
from qconv.cli.streams import say
from qconv.visualization.pictures import Picture

#: Maximum number of kernel entries for which the exact result is computed directly.
_DIRECT = 125


@dataclass(frozen=True)
class Job:
    """Everything about a call except its pictures."""

    options: argparse.Namespace
    """Options of the command line."""
    propagator: qconv.Propagator
    """Propagator of the kernel."""
    method: qconv.Method
    """Method with its options."""
    where: dict[str, Any]
    """Mode, boundary and fill value."""
    sampling: qconv.SamplingOptions
    """Shots or tolerance."""
    backend: Any
    """Backend; None for the ideal simulator."""

    @classmethod
    def of(cls, options: argparse.Namespace) -> Job:
        """Create the settings of the call from its options."""
        propagator = _propagator(options)
        where = {name: getattr(options, name) for name in ("mode", "boundary", "fillvalue")}
        backend = None if options.backend is None else named_backend(options.backend)
        return cls(options, propagator, _method(options), where, _sampling(options), backend)

    def plan(self, array: Numbers) -> qconv.Plan:
        """Make the plan of one item of a batch, which checks the call."""
        how = {"method": self.method, **self.where, **self.sampling}
        made: qconv.Plan = qconv.plan(array, self.propagator, **how)
        return made

    @cached_property
    def kernel(self) -> Numbers:
        """Effective kernel of all steps."""
        single = self.propagator.effective_kernel
        further = (self.options.steps or 1) - 1
        return classical.diffuse(single, single, further, mode="full") if further else single

    def is_complex(self, picture: Picture) -> bool:
        """Return whether the result of a picture is complex."""
        return picture.numbers.dtype.kind == "c" or self.propagator.is_complex

    def exact(self, picture: Picture, space: Space) -> Numbers:
        """Compute the exact convolution."""
        method = "direct" if self.kernel.size <= _DIRECT else "fft"
        how = {**self.where, **space.batch, "method": method}
        return classical.convolve(picture.numbers, self.kernel, **how)

    def result(self, picture: Picture, space: Space, **more: Any) -> qconv.Convolution:
        """Convolve a picture or a stack, and print each warning once."""
        how = {"method": self.method, **self.where, **self.sampling, **space.batch}
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", RuntimeWarning)
            result = qconv.convolve(
                picture.numbers, self.propagator, backend=self.backend, **how, **more
            )
        for message in dict.fromkeys(str(warning.message) for warning in caught):
            say(message)
        return result


def _propagator(options: argparse.Namespace) -> qconv.Propagator:
    """Return the propagator of the requested kernel."""
    kernel = kernel_of(options, 3 if options.volume else 2)
    if options.softmax is None:
        return qconv.Propagator.from_kernel(kernel)
    return qconv.Propagator.softmax(kernel, options.softmax)


def given_options(options: argparse.Namespace) -> dict[str, Any]:
    """Return the options of the method that are set."""
    given = {name: getattr(options, name) for name in OPTIONS}
    given = {name: value for name, value in given.items() if value is not None}
    if options.method == "collapse":
        given.setdefault("baseline", True)
    return given


def _method(options: argparse.Namespace) -> qconv.Method:
    """Return the requested method with its options, as `Blocks` if requested."""
    method: qconv.Method = getattr(qconv, METHODS[options.method])(**given_options(options))
    if options.blocks is None:
        return method
    if not method.whole_image:
        raise UsageError(
            f"--blocks: requires --method diffusion, interference or fourier, got {options.method}"
        )
    return qconv.Blocks(method, options.blocks, options.qubits)


def _sampling(options: argparse.Namespace) -> qconv.SamplingOptions:
    """Return the sampling options that `qconv.plan` accepts."""
    how: qconv.SamplingOptions = {"mitigation": options.mitigation}
    if options.tolerance is not None:
        how["tolerance"] = options.tolerance
    elif options.exact or not has_own_shots(options):  # else the method sets them
        how["shots"] = None if options.exact else options.shots
    return how
