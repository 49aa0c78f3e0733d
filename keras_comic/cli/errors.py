"""How the commands tell what went wrong."""

import contextlib
import re

import typer
import typer.main

# Exit code of a command that could not begin, as for a wrong option; a command
# that did its work but for some files exits with 1.
USAGE_EXIT_CODE = 2
FAILURE_EXIT_CODE = 1


@contextlib.contextmanager
def reported_errors():
    """Turns the library's errors into a line on stderr and exit code 2."""
    try:
        yield
    except (ImportError, OSError, TypeError, ValueError) as error:
        # A mistake of ours is to be seen whole.
        if isinstance(error, TypeError) and not str(error).startswith("`"):
            raise
        report_error(in_command_words(str(error)))
        raise typer.Exit(USAGE_EXIT_CODE) from error


def in_command_words(message):
    """Names arguments of the library as the command's options."""
    context = _context()
    if context is None:
        return message
    words = {
        parameter.name: parameter.opts[0]
        if parameter.param_type_name == "option"
        else parameter.metavar or parameter.name.upper()
        for parameter in context.command.params
    }
    return re.sub(
        r"`(\w+)(?:=[^`]*)?`",
        lambda found: words.get(found[1], found[0]),
        message,
    )


def report_error(message):
    """Prints `Error: ...` in red on stderr."""
    typer.secho(f"Error: {message}", fg=typer.colors.RED, err=True)


def report_warning(message, *where):
    """Prints `Warning: ...` in yellow on stderr, for `warnings.showwarning`."""
    text = in_command_words(str(message))
    typer.secho(f"Warning: {text}", fg=typer.colors.YELLOW, err=True)


def report_failures(failures, summary):
    """Prints files that could not be used, each with its reason; exits with 1.

    Without failures, nothing is done. In `summary`, `{}` is their number.
    """
    if failures:
        report_error(summary.format(len(failures)))
        for path, reason in failures:
            typer.secho(f"  {path}: {reason}", fg=typer.colors.RED, err=True)
        raise typer.Exit(FAILURE_EXIT_CODE)


def _context():
    # Later versions of Typer hold their own copy of Click.
    current = getattr(typer.main, "get_current_context", None)
    if current is None:
        from click import get_current_context as current
    return current(silent=True)
