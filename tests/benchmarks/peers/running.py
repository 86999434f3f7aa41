"""Jobs in processes of their own, each of which ends when its time is over."""

import multiprocessing
import signal
import time
import traceback
import warnings
from multiprocessing.connection import wait

#: Elapsed time after which a process is ended, in units of its limit of CPU time.
HANGS = 10


def _work(pipe, seconds, function, arguments):
    import resource  # which Windows lacks, as it lacks fork

    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    warnings.simplefilter("ignore")
    start = time.process_time()
    try:
        rows = function(*arguments)
        pipe.send({"rows": rows, "seconds": time.process_time() - start})
    except Exception as error:
        pipe.send({"reason": f"{type(error).__name__}: {error}", "trace": traceback.format_exc()})


def _start(seconds, function, arguments):
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(theirs, seconds, function, arguments))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # threads of libraries that wait
        process.start()
    theirs.close()
    return ours, process, time.monotonic() + HANGS * seconds, seconds


def _outcome(pipe, process, seconds):
    """Result of a process that answered, ended, or has no time left."""
    try:
        if not pipe.poll():
            return {"reason": f"not finished within {HANGS * seconds} s"}
        return pipe.recv()
    except EOFError:
        process.join()
        if process.exitcode in (-signal.SIGXCPU, -signal.SIGKILL):
            return {"reason": f"not finished within {seconds} s of CPU time"}
        return {"reason": "the process ended without an answer"}
    finally:
        process.kill()
        process.join()


def within(tasks, workers=2):
    """Run tasks, ``(seconds, function, *arguments)``, some at a time; yield number and outcome.

    Tasks with the longest time limits come first.
    An outcome holds the rows that the function returned, and CPU seconds; or the reason for none.
    """
    waiting, running = sorted(enumerate(tasks), key=lambda task: -task[1][0]), {}
    while waiting or running:
        while waiting and len(running) < workers:
            number, (seconds, function, *arguments) = waiting.pop(0)
            running[number] = _start(seconds, function, arguments)
        left = min(end for *_, end, _ in running.values()) - time.monotonic()
        ready = wait([pipe for pipe, *_ in running.values()], timeout=max(left, 0))
        for number, (pipe, process, end, seconds) in list(running.items()):
            if pipe in ready or time.monotonic() >= end:
                del running[number]
                yield number, _outcome(pipe, process, seconds)
