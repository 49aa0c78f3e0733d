"""The work of a build in parts, shared among processes, and kept on disk.

A chunk is some sources that follow each other. Its records go to a file of
their own, and what is known of them to a file of JSON beside it, which is
written last: a chunk whose JSON is there is done.
"""

import collections
import concurrent.futures
import contextlib
import functools
import gc
import json
import os
import signal
import threading
import time

from keras_comic.data.framing import frame_record
from keras_comic.data.media import is_video
from keras_comic.data.paths import whole_file
from keras_comic.data.paths import write_whole
from keras_comic.data.record_maker import UNREADABLE
from keras_comic.data.record_maker import Drop

# Sources of a chunk; a video is a chunk of its own.
CHUNK_SIZE = 16
# How often a process looks whether the one that started it is there, seconds.
WATCH_PERIOD = 0.2
# With less to do than this for each, processes are not worth starting.
MIN_CHUNKS_PER_WORKER = 4

# `facts`: list of dicts, see `RecordMaker.facts`, with `"length"`, the bytes
# of the record; `drops`: list of `Drop`; `conversions`: dict of counts.
ChunkResult = collections.namedtuple("ChunkResult", "facts drops conversions")


def split_into_chunks(sources):
    """Shares sources among chunks, in their order."""
    chunks, alone = [], True
    for source in sources:
        single = is_video(source.path) or source.path.is_dir()
        if alone or single or len(chunks[-1]) == CHUNK_SIZE:
            chunks.append([])
        chunks[-1].append(source)
        alone = single
    return chunks


def make_chunks(maker, chunks, folder=None, num_workers=None, progress=None):
    """Makes the records of the chunks that are not there yet.

    Without a folder, nothing is kept but the results, which are returned.
    """
    results = [None] * len(chunks)
    total, done = sum(map(len, chunks)), 0

    def finish(number, result, count):
        nonlocal done
        results[number] = result
        done += count
        if progress is not None:
            progress(done, total)

    todo = []
    for number, chunk in enumerate(chunks):
        if folder is None or not chunk_paths(folder, number)[1].exists():
            todo.append(number)
        else:
            done += len(chunk)
    if progress is not None and done:
        progress(done, total)
    if num_workers is None:
        num_workers = min(cpu_count(), len(todo) // MIN_CHUNKS_PER_WORKER)
    if num_workers > 1:
        jobs = collections.deque(
            (number, chunks[number], _path(folder, number)) for number in todo
        )
        while jobs:
            for job in _make_until_crash(maker, jobs, num_workers, finish):
                _make_alone(maker, *job, finish)
    else:
        for number in todo:
            tick = functools.partial(finish, number, None, 1)
            path = _path(folder, number)
            result = make_chunk(maker, chunks[number], path, tick=tick)
            results[number] = result
    return results


def make_chunk(maker, sources, path=None, crashed=(), tick=None):
    """Makes the records of some sources, and a file of them."""
    facts, drops, conversions = [], [], collections.Counter()
    with contextlib.ExitStack() as stack:
        if path is not None:
            part = stack.enter_context(whole_file(path))
            file = stack.enter_context(open(part, "wb"))
        for place, source in enumerate(sources):
            if place in crashed:
                reason = (
                    "reading it ends the process (a crash, or no memory left)"
                )
                drops.append(Drop(str(source.path), UNREADABLE, reason))
            else:
                records = maker.iterate(source, drops, conversions)
                for data, fact in records:
                    facts.append({**fact, "length": len(data)})
                    if path is not None:
                        file.write(frame_record(data))
            if tick is not None:
                tick()
        if path is not None:
            file.flush()
            os.fsync(file.fileno())
    result = ChunkResult(facts, drops, dict(conversions))
    if path is None:
        return result
    write_json(path.with_suffix(".json"), result._asdict())
    return None


def load_chunk(folder, number):
    """Reads what is known of a chunk that is done."""
    text = chunk_paths(folder, number)[1].read_text(encoding="utf-8")
    result = ChunkResult(**json.loads(text))
    return result._replace(drops=[Drop(*drop) for drop in result.drops])


def chunk_paths(folder, number):
    """Returns the paths of a chunk's two files."""
    name = f"chunk-{number:06d}"
    return folder / f"{name}.tfrecord", folder / f"{name}.json"


def write_json(path, content):
    """Writes JSON to a file that appears whole or not at all."""
    # File names may hold bytes that are not Unicode: ASCII keeps them.
    write_whole(path, json.dumps(content, indent=1) + "\n")


def cpu_count():
    """Counts the CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _path(folder, number):
    return None if folder is None else chunk_paths(folder, number)[0]


def _make_until_crash(maker, jobs, num_workers, finish):
    """Takes jobs until none is left or a process ends; returns the lost."""
    from loky.process_executor import TerminatedWorkerError

    running = {}
    with (
        contextlib.suppress(TerminatedWorkerError),
        _processes(num_workers) as executor,
    ):
        while jobs or running:
            while jobs and len(running) < 2 * num_workers:
                _, sources, path = jobs[0]
                future = executor.submit(make_chunk, maker, sources, path)
                running[future] = jobs.popleft()
            done, _ = concurrent.futures.wait(
                running, return_when=concurrent.futures.FIRST_COMPLETED
            )
            for future in done:
                result = future.result()
                number, sources, _ = running.pop(future)
                finish(number, result, len(sources))
    return sorted(running.values(), key=lambda job: job[0])


def _make_alone(maker, number, sources, path, finish):
    """Makes a chunk that was lost, without the sources that end a process."""
    from loky.process_executor import TerminatedWorkerError

    result = None
    if path is None or not path.with_suffix(".json").exists():
        crashed = _find_crashing(maker, sources)
        try:
            with _processes(1) as executor:
                job = executor.submit(make_chunk, maker, sources, path, crashed)
                result = job.result()
        except TerminatedWorkerError as error:
            raise RuntimeError(
                "Processes that make records end, but not while they read one "
                "source alone; is there enough memory? Give fewer workers."
            ) from error
    finish(number, result, len(sources))


def _find_crashing(maker, sources):
    """Returns the places of the sources that end the process."""
    from loky.process_executor import TerminatedWorkerError

    crashed, waiting = [], collections.deque(range(len(sources)))
    while waiting:
        try:
            with _processes(1) as executor:
                while waiting:
                    source = sources[waiting[0]]
                    executor.submit(make_chunk, maker, [source]).result()
                    waiting.popleft()
        except TerminatedWorkerError:
            crashed.append(waiting.popleft())
    return crashed


@contextlib.contextmanager
def _processes(count):
    from loky import ProcessPoolExecutor

    # One thread each: the processes share the cores already.
    environment = {
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "TF_NUM_INTRAOP_THREADS": "1",
        "TF_NUM_INTEROP_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "",
    }
    executor = ProcessPoolExecutor(
        count, env=environment, initializer=_end_with, initargs=(os.getpid(),)
    )
    try:
        yield executor
    except BaseException:
        executor.shutdown(wait=True, kill_workers=True)
        raise
    executor.shutdown(wait=True)


def _end_with(parent):
    """Ends this process when the one that started it is gone."""
    # Ctrl-C reaches all of them; the parent ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    # loky collects garbage every second; what is imported by now is none, and
    # to look through it takes a sixth of a second.
    gc.freeze()


def _watch(parent):
    # On Windows the number of the parent stays, and this does not end.
    while os.getppid() == parent:
        time.sleep(WATCH_PERIOD)
    os._exit(1)
