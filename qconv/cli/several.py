"""Several pictures in one call: each is read, convolved and written, one after the other."""

from __future__ import annotations

import argparse
import copy
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from qconv._progress import progress_bar
from qconv.cli.convolve_options import FORMATS
from qconv.cli.job import Job
from qconv.cli.options import UsageError, read_photograph, seed_of
from qconv.cli.space import Space
from qconv.cli.streams import say
from qconv.cli.targets import Target

#: Lossless formats: results have the format of the input. Results of other formats are PNG files.
_LOSSLESS = tuple(ending for ending in FORMATS if ending not in (".jpg", ".jpeg", ".bmp"))

#: Formats in which standard errors are written as numbers; with other formats, they become TIFF.
_EXACT = (".tif", ".tiff", ".npy")

#: Maximum number of failures that are described.
_TOLD = 8


def run(job: Job, sources: Sequence[str | None]) -> tuple[str, int]:
    """Convolve all pictures; failures of some do not stop the others.

    Returns:
        Text to print, and exit status: 0, or 1 if some pictures failed.

    Raises:
        UsageError: If nothing can be written, or all pictures failed.
    """
    options = job.options
    targets = _targets(options, sources)
    seed = seed_of(options)
    failed: dict[str, str] = {}
    wrote: list[str] = []
    executions, started = 0, time.perf_counter()
    show = not options.quiet and sys.stderr.isatty()
    with progress_bar(len(sources), "picture", show=show) as bar:
        for number, (source, paths) in enumerate(zip(sources, targets, strict=True)):
            name = source or "the default photograph"
            try:
                count, what = _one(job, source, paths, seed + number)
            except KeyboardInterrupt:
                raise KeyboardInterrupt(
                    f"interrupted; {len(wrote)} of {len(sources)} pictures were written"
                ) from None
            except (ValueError, TypeError, OSError, MemoryError) as error:
                failed[name] = _reason(error)
            else:
                executions += count
                wrote.append(f"{what}, seed {seed + number}")
            bar.update()
    seconds = time.perf_counter() - started
    if failed:
        line = _failures(failed, len(sources))
        if not wrote:
            raise UsageError(line)
        say(line)
    if options.quiet:
        return "", int(bool(failed))
    lines = "\n".join(f"  {line}" for line in wrote)
    some = "1 picture" if len(wrote) == 1 else f"{len(wrote)} pictures"
    head = f"{some}: {executions:,} executions in {seconds:.2f} s"
    return f"{head}\n\nwrote\n{lines}\n", int(bool(failed))


def _one(
    job: Job, source: str | None, paths: Mapping[str, Path | None], seed: int
) -> tuple[int, str]:
    """Convolve one picture; return the number of executions and a description of its files."""
    picture = read_photograph(source)
    space = Space.of(picture, volume=job.options.volume)
    options = copy.copy(job.options)
    options.out, options.stderr = paths["out"], paths["stderr"]
    inputs = {"input picture": source, "kernel": options.kernel}
    wide = job.is_complex(picture)
    target = Target.of(options, picture, space, inputs, is_complex=wide, draw=False)
    result = job.result(picture, space, seed=seed)
    needed = target.needs_exact(job.kernel)
    exact = job.exact(picture, space) if needed else result.image
    told = target.write(result, exact, job.kernel)
    if options.quiet:
        target.say_losses(told)
    return result.total_shots, told


def _targets(
    options: argparse.Namespace, sources: Sequence[str | None]
) -> list[dict[str, Path | None]]:
    """Return the files for all pictures; raise if two are the same, or exist already."""
    folder, errors = options.out_dir, options.stderr
    found: list[dict[str, Path | None]] = []
    taken: dict[str, str] = {}
    for source in sources:
        name = Path("result" if source in (None, "-") else str(source))
        ending = name.suffix.lower() if name.suffix.lower() in _LOSSLESS else ".png"
        ending = ending if options.format is None else f".{options.format}"
        out = folder / f"{name.stem}{ending}"
        numbers = ending if ending in _EXACT else ".tif"
        stderr = None if errors is None else errors / f"{name.stem}{numbers}"
        for option, path in (("--out-dir", out), ("--stderr", stderr)):
            if path is None:
                continue
            if path.exists() and not options.overwrite:
                raise UsageError(f"{option}: '{path}' exists; --overwrite replaces it")
            real = os.path.realpath(path)
            if real in taken:
                raise UsageError(
                    f"{option}: '{path}' would hold the results of both '{taken[real]}' and "
                    f"'{source}'"
                )
            taken[real] = str(source)
        found.append({"out": out, "stderr": stderr})
    inputs = {os.path.realpath(str(source)) for source in sources}
    for path in taken:
        if path in inputs:
            raise UsageError(f"--out-dir: '{path}' is an input picture")
    for option, place in (("--out-dir", folder), ("--stderr", errors)):
        if place is not None:
            try:
                place.mkdir(exist_ok=True)
            except OSError as error:
                raise UsageError(f"{option}: {error.strerror}: '{place}'") from None
    return found


def _reason(error: BaseException) -> str:
    """Return the message of an error without the name of the argument."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).removeprefix("IMAGE: ") or "there is not enough memory"


def _failures(failed: Mapping[str, str], total: int) -> str:
    """Describe failures in one line: pictures with the same reason together."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in failed.items():
        plain = reason.replace(f"{name} is not", "not").replace(f"{name}: ", "")
        by_reason.setdefault(plain.replace(f": {name}", ""), []).append(name)
    parts = []
    for reason, names in list(by_reason.items())[:_TOLD]:
        more = f" and {len(names) - _TOLD} more" if len(names) > _TOLD else ""
        parts.append(f"{', '.join(names[:_TOLD])}{more} ({reason})")
    rest = len(by_reason) - _TOLD
    parts += [f"and {rest} other reasons"] * (rest > 0)
    return f"{len(failed)} of {total} pictures failed: {'; '.join(parts)}"
