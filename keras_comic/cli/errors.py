"""How the commands tell what went wrong."""

import contextlib

import typer

# Of a command that could not begin, as for a wrong option; a command that did
# its work but for some files exits with 1.
USAGE_EXIT_CODE = 2
FAILURE_EXIT_CODE = 1


@contextlib.contextmanager
def reported_errors():
    """Turns the library's errors into a line on stderr and exit code 2."""
    try:
        yield
    except (ImportError, OSError, ValueError) as error:
        report_error(str(error))
        raise typer.Exit(USAGE_EXIT_CODE) from error


def report_error(message):
    """Prints `Error: ...` in red on stderr."""
    typer.secho(f"Error: {message}", fg=typer.colors.RED, err=True)


def report_failures(failures):
    """Prints each file that could not be used, with its reason, on stderr."""
    for path, reason in failures:
        typer.secho(f"  {path}: {reason}", fg=typer.colors.RED, err=True)
