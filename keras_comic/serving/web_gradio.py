"""gradio, which calls nobody, in an event loop, at a port that is free."""

import asyncio
import atexit
import os
import shutil
import socket
import tempfile

# This computer alone.
LOOPBACK = "127.0.0.1"


def import_gradio():
    """Imports gradio, told to call nobody and to keep files to itself."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    if "GRADIO_TEMP_DIR" not in os.environ:
        folder = tempfile.mkdtemp(prefix="keras_comic_web_")
        os.environ["GRADIO_TEMP_DIR"] = folder
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    try:
        import gradio
    except ImportError as error:
        raise ImportError(
            f"The web page needs gradio, which cannot be imported ({error}). "
            "Install it with `pip install 'keras-comic[web]'`."
        ) from error
    return gradio


def in_event_loop(function, *arguments, **options):
    """Calls a function where an event loop runs."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:

        async def call():
            return function(*arguments, **options)

        return asyncio.run(call())
    return function(*arguments, **options)


def free_port(host, port):
    """The port to listen at."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise OSError(
                error.errno,
                "The page cannot be served there; is the port taken? "
                f"Received: host={host!r}, port={port}: {error.strerror}",
            ) from error
        return probe.getsockname()[1]
