"""Going on: a call that finds what it gathered before it was stopped, and does the rest."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from qconv._files import Place, is_regular
from qconv._versions import versions
from qconv.execution.checkpoint.checkpoint import About, Checkpoint
from qconv.execution.options import Sampling
from qconv.execution.seeds import MORE, derived
from qconv.result.convolution import Convolution

#: Runs a call: what to keep in, the root of its randomness, and its shots for each pixel.
Work = Callable[[Checkpoint | None, np.random.SeedSequence, int | None], Convolution]


def continued(
    path: str | os.PathLike[str] | None,
    call: Callable[[], Mapping[str, str]],
    sampling: Sampling,
    shots: int | None,
    work: Work,
) -> Convolution:
    """Run a call, or resume it from a checkpoint.

    Args:
        path: Of the checkpoint, there or not; None for none.
        call: Digests of all that the result depends on but seed and shots, by name.
        sampling: How circuits are measured.
        shots: Shots per output pixel; None for the exact expectation.
        work: Runs the call.

    Returns:
        The result; that of the checkpoint if it is finished and has as many shots.

    Raises:
        TypeError: ``path`` is no path.
        ValueError: What is there is no checkpoint, is damaged, or is another call's. It is left as
            it is.
        OSError: The checkpoint cannot be written, before anything runs.
        RuntimeError: A backend failed; what was gathered is kept.
        KeyboardInterrupt: By whoever waits; what was gathered is kept.
    """
    if path is None:
        return work(None, sampling.seed, shots)
    place = _checked(path)
    new = not place.exists()
    kept = _opened(place, {**call(), **sampling.call()}, sampling, shots)
    if kept.about.finished and kept.result is not None:
        return kept.result
    if versions() - kept.about.versions:
        _warn_of_versions(kept)
    root = np.random.SeedSequence(list(kept.about.seed))
    held, wanted = kept.about.held, shots
    if held is not None and shots is not None:  # more shots, with randomness of their own
        words = derived(root, MORE, held).generate_state(4)
        root, wanted = np.random.SeedSequence(words.tolist()), shots - held
    kept.begin()
    try:
        result = work(kept, root, wanted)
        if kept.result is not None:
            result = kept.result + result
    except BaseException as error:
        _stopped(kept, error, new=new)
        raise
    origin = replace(result.origin, versions=result.versions | kept.about.versions)
    result = replace(result, origin=origin)
    kept.finish(result)
    return result


def _checked(path: str | os.PathLike[str]) -> Path:
    """A path at which a checkpoint can be."""
    if isinstance(path, bytes) or not isinstance(path, str | os.PathLike):
        raise TypeError(f"checkpoint: expected a path, got {path!r}")
    place = Path(path)
    if not is_regular(Place.of(place)) or not place.name:
        raise ValueError(f"checkpoint: expected the name of a file, got '{path}'")
    return place


def _opened(
    path: Path,
    call: Mapping[str, str],
    sampling: Sampling,
    shots: int | None,
) -> Checkpoint:
    """What is there, if it is this call's; or a new checkpoint."""
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
        raise _refused(path, f"of another call: its {differ[0]} differs")
    if not about.finished and about.shots != shots:
        raise _refused(
            path, f"of a call with shots={about.shots} that is not finished: finish that one first"
        )
    if about.finished and about.shots != shots:
        if about.shots is None or shots is None or shots < about.shots:
            raise _refused(path, f"of a finished call with shots={about.shots}, got shots={shots}")
        kept.about = replace(about, shots=shots, held=about.shots, finished=False)
    return kept


def _warn_of_versions(kept: Checkpoint) -> None:
    """Note the versions that continue a checkpoint which others began, and warn."""
    began = ", ".join(sorted(kept.about.versions - versions()))
    now = ", ".join(sorted(versions() - kept.about.versions))
    kept.about = replace(kept.about, versions=kept.about.versions | versions())
    warnings.warn(
        f"checkpoint: '{kept.path}' was begun with {began} and is continued with {now}; the result "
        "is as good, but its last digits or counts may differ from those of an uninterrupted run",
        RuntimeWarning,
        stacklevel=2,
    )


def _refused(path: Path, why: str) -> ValueError:
    return ValueError(
        f"checkpoint: '{path}' is {why}; left as it is: give another name, or remove it"
    )


def _stopped(kept: Checkpoint, error: BaseException, *, new: bool) -> None:
    """Save what was gathered, and say so; a new file that holds nothing is removed.

    Raises:
        RuntimeError: In place of one.
        KeyboardInterrupt: In place of one.
    """
    saved = kept.save()
    if not kept.gathered:
        if new:
            kept.path.unlink(missing_ok=True)
        return
    how = f"what was {'gathered' if saved else 'saved before'} is in '{kept.path}'; "
    how += "the same call goes on from there"
    if isinstance(error, KeyboardInterrupt):
        raise KeyboardInterrupt(f"interrupted; {how}") from error
    if isinstance(error, RuntimeError):
        raise RuntimeError(f"{error}; {how}") from error


def without_address(text: str) -> str:
    """What an object is called, without where in memory it is."""
    return re.sub(r" at 0x[0-9a-f]+", "", text)
