"""Jobs in separate processes, each of which ends when its time limit is reached."""

import multiprocessing
import signal
import time
import traceback
import warnings
from multiprocessing.connection import wait

#: Elapsed time after which a process is killed, in units of its CPU time limit.
HANGS = 10


def _work(pipe, seconds, function, arguments):
    import resource  # Windows lacks ``resource`` and ``fork``

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
        warnings.simplefilter("ignore")  # idle threads of libraries
        process.start()
    theirs.close()
    return ours, process, time.monotonic() + HANGS * seconds, seconds


def _outcome(pipe, process, seconds):
    """Return the result of a process that answered, ended, or ran out of time."""
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
    """Run tasks, ``(seconds, function, *arguments)``, several at a time; yield number and outcome.

    Tasks with the longest time limits come first. An outcome contains the rows that the function
    returned, and the CPU seconds, or the reason why there are none.
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
