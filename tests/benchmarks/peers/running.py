"""One job by one peer, in a process of its own that ends when its time is over."""

import multiprocessing
import time
import traceback
import warnings


def _work(pipe, function, arguments):
    warnings.simplefilter("ignore")
    start = time.process_time()
    try:
        rows = function(*arguments)
        pipe.send({"rows": rows, "seconds": time.process_time() - start})
    except Exception as error:
        pipe.send({"reason": f"{type(error).__name__}: {error}", "trace": traceback.format_exc()})


def within(seconds, function, *arguments):
    """Call a function in a new process; return its rows with CPU seconds, or the reason why not.

    The function returns a list of dictionaries.
    """
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(theirs, function, arguments))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # threads of libraries that wait
        process.start()
    theirs.close()
    try:
        if not ours.poll(seconds):
            return {"reason": f"not finished within {seconds} s"}
        return ours.recv()
    except EOFError:
        return {"reason": "the process ended without an answer"}
    finally:
        process.kill()
        process.join()
