"""The bar that shows how far a command is."""

import contextlib
import time


@contextlib.contextmanager
def progress_bar(description):
    """Shows a bar on stderr, with rate and time left, on a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn
    from rich.progress import MofNCompleteColumn
    from rich.progress import Progress
    from rich.progress import TextColumn
    from rich.progress import TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    ) as bar:
        task = bar.add_task(description, total=None, rate="")
        start, first = time.monotonic(), None

        def update(done, total):
            # What an earlier run had done already is no part of the rate.
            nonlocal first
            first = done - 1 if first is None else first
            seconds = max(time.monotonic() - start, 1e-3)
            rate = f"{(done - first) / seconds:.3g}/s"
            bar.update(task, completed=done, total=total, rate=rate)

        yield update
