"""Makes many files, several at a time, and goes on past those that fail."""

from concurrent import futures

from keras_comic.models.image_files import StylizedFiles
from keras_comic.serving.errors import ServingError

# With these codes a server refuses one picture; after others, the rest of
# the pictures would only be refused as well.
OF_ONE_PICTURE = (
    "DEADLINE_EXCEEDED",
    "INTERNAL",
    "INVALID_ARGUMENT",
    "OUT_OF_RANGE",
    "RESOURCE_EXHAUSTED",
    "UNKNOWN",
)


def stream_files(targets, make, submit, num_ahead, overwrite, progress):
    """Makes files of others, in bounded memory."""
    waiting = iter(enumerate(targets))
    running, outcomes = {}, {}
    try:
        while True:
            while len(running) < num_ahead:
                number, pair = next(waiting, (None, None))
                if pair is None:
                    break
                future = submit(_outcome, make, *pair, overwrite)
                running[future] = number
            if not running:
                break
            done, _ = futures.wait(running, return_when=futures.FIRST_COMPLETED)
            for future in done:
                outcomes[running.pop(future)] = future.result()
                if progress is not None:
                    progress(len(outcomes), len(targets))
    finally:
        for future in running:
            future.cancel()
    return _sorted(targets, outcomes)


def _outcome(make, source, target, overwrite):
    """Field of the results, and the reason of a failure."""
    try:
        if not overwrite and target.exists():
            return "skipped", None
        make(source, target)
    except ServingError as error:
        if error.code not in OF_ONE_PICTURE:
            raise
        return "failures", str(error)
    except (OSError, ValueError) as error:
        return "failures", str(error)
    return "written", None


def _sorted(targets, outcomes):
    files = StylizedFiles([], [], [])
    for number, (source, target) in enumerate(targets):
        field, reason = outcomes[number]
        entry = (source, reason) if field == "failures" else target
        getattr(files, field).append(entry)
    return files
