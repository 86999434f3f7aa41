"""Resuming: a call reads the results of an interrupted run and computes the rest."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias, TypeVar, cast

import numpy as np

from qconv._files import Place, is_regular
from qconv._versions import versions
from qconv.execution.checkpoint.checkpoint import About, Checkpoint, Result
from qconv.execution.options import Sampling
from qconv.execution.seeds import MORE, derived

_Result = TypeVar("_Result", bound=Result)

#: Function that runs a call, given a checkpoint, the root of its random streams, and its shots.
Work: TypeAlias = Callable[[Checkpoint | None, np.random.SeedSequence, int | None], _Result]


def continued(
    path: str | os.PathLike[str] | None,
    call: Callable[[], Mapping[str, str]],
    sampling: Sampling,
    shots: int | None,
    work: Work[_Result],
) -> _Result:
    """Run a call, or resume it from a checkpoint.

    Args:
        path: Path of the checkpoint, which need not exist; None for no checkpoint.
        call: Function that returns digests of everything that determines the result, except seed
            and shots, by name.
        sampling: Backend and options.
        shots: Shots per output pixel, or oracle calls of a number; None for the exact expectation.
        work: Function that runs the call.

    Returns:
        The result; the checkpoint's result if it is finished and has the same number of shots.

    Raises:
        TypeError: If ``path`` is not a path.
        ValueError: If the file is not a checkpoint, is damaged, or belongs to a different call. The
            file is left unchanged.
        OSError: If the checkpoint cannot be written; raised before anything runs.
        RuntimeError: If a backend failed; intermediate results are saved.
        KeyboardInterrupt: If the user interrupts the call; intermediate results are saved.
    """
    if path is None:
        return work(None, sampling.seed, shots)
    place = _checked(path)
    new = not place.exists()
    kept = _opened(place, {**call(), **sampling.call()}, sampling, shots)
    earlier = cast(_Result | None, kept.result)  # the same call has a result of the same class
    if kept.about.finished and earlier is not None:
        return earlier
    if versions() - kept.about.versions:
        _warn_of_versions(kept)
    root = np.random.SeedSequence(list(kept.about.seed))
    held, wanted = kept.about.held, shots
    if held is not None and shots is not None:  # additional shots have their own random streams
        words = derived(root, MORE, held).generate_state(4)
        root, wanted = np.random.SeedSequence(words.tolist()), shots - held
    kept.begin()
    try:
        result = work(kept, root, wanted)
        if earlier is not None:
            result = cast(_Result, earlier + result)  # type: ignore[operator]
    except BaseException as error:
        _stopped(kept, error, new=new)
        raise
    made_by = result.versions | kept.about.versions
    result = cast(_Result, result.with_versions(made_by))
    kept.finish(result)
    return result


def _checked(path: str | os.PathLike[str]) -> Path:
    """Return the path of a checkpoint, after checking that it is a path to a file."""
    if isinstance(path, bytes) or not isinstance(path, str | os.PathLike):
        raise TypeError(f"checkpoint: expected a path, got {path!r}")
    place = Path(path)
    if not is_regular(Place.of(place)) or not place.name:
        raise ValueError(f"checkpoint: expected a file name, got '{path}'")
    return place


def _opened(
    path: Path,
    call: Mapping[str, str],
    sampling: Sampling,
    shots: int | None,
) -> Checkpoint:
    """Return the checkpoint at a path if it belongs to this call, or a new one."""
    entropy = [int(word) for word in np.atleast_1d(np.asarray(sampling.seed.entropy, dtype=object))]
    call = {**call, "shots": "exact" if shots is None else "counted"}
    try:
        kept = Checkpoint.read(path)
    except FileNotFoundError:
        return Checkpoint(path, About(call, entropy, shots))
    about = kept.about
    names = dict.fromkeys([*call, *about.call])
    differ = [name for name in names if call.get(name) != about.call.get(name)]
    if sampling.seeded and list(about.seed) != entropy:
        differ.append("seed")
    if differ:
        raise _refused(path, f"from a different call: its {differ[0]} differs")
    if not about.finished and about.shots != shots:
        raise _refused(
            path, f"from an unfinished call with shots={about.shots}; finish that call first"
        )
    if about.finished and about.shots != shots:
        if about.shots is None or shots is None or shots < about.shots:
            raise _refused(
                path, f"from a finished call with shots={about.shots}, got shots={shots}"
            )
        kept.about = replace(about, shots=shots, held=about.shots, finished=False)
    return kept


def _warn_of_versions(kept: Checkpoint) -> None:
    """Add the current versions to a checkpoint begun with other versions, and warn."""
    began = ", ".join(sorted(kept.about.versions - versions()))
    now = ", ".join(sorted(versions() - kept.about.versions))
    kept.about = replace(kept.about, versions=kept.about.versions | versions())
    warnings.warn(
        f"checkpoint: '{kept.path}' was begun with {began} and is continued with {now}; the result "
        "is equally accurate, but may not be bit-identical to the result of an uninterrupted run",
        RuntimeWarning,
        stacklevel=2,
    )


def _refused(path: Path, why: str) -> ValueError:
    return ValueError(
        f"checkpoint: '{path}' is {why}; the file was left unchanged: "
        "use another name, or remove the file"
    )


def _stopped(kept: Checkpoint, error: BaseException, *, new: bool) -> None:
    """Save intermediate results and say so in the error; remove a new file without results."""
    saved = kept.save()
    if not kept.gathered:
        if new:
            kept.path.unlink(missing_ok=True)
        return
    what = "intermediate results" if saved else "previously saved results"
    how = f"{what} are in '{kept.path}'; repeat the call to resume"
    if isinstance(error, KeyboardInterrupt):
        raise KeyboardInterrupt(f"interrupted; {how}") from error
    if isinstance(error, RuntimeError):
        raise RuntimeError(f"{error}; {how}") from error


def without_address(text: str) -> str:
    """Return an object's representation without its memory address."""
    return re.sub(r" at 0x[0-9a-f]+", "", text)
