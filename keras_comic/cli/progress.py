"""The bar that shows how far a command is."""

import contextlib


@contextlib.contextmanager
def progress_bar(description):
    """Shows a bar on stderr, with the time left, where that is a terminal.

    Args:
        description: String, what is going on.

    Yields:
        What the library's functions take as `progress`: a callable to be
        given the number of files done and the number of all, or `None`.
    """
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
        TimeRemainingColumn(),
        console=console,
        transient=True,
    ) as bar:
        task = bar.add_task(description, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
