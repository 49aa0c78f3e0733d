import asyncio
import os
import socket
import sys
from unittest import mock

from keras_comic.serving import web_gradio
from tests.test_case import TestCase


class WebGradioTest(TestCase):
    def test_import(self):
        gradio = web_gradio.import_gradio()
        self.assertEqual(gradio.__name__, "gradio")
        self.assertEqual(os.environ["GRADIO_ANALYTICS_ENABLED"], "False")
        self.assertIn("GRADIO_TEMP_DIR", os.environ)

    def test_gradio_is_missing(self):
        self.enterContext(mock.patch.dict(sys.modules, {"gradio": None}))
        with self.assertRaisesRegex(ImportError, r"keras-comic\[web\]"):
            web_gradio.import_gradio()

    def test_in_event_loop(self):
        def running(*arguments, **options):
            return asyncio.get_running_loop(), arguments, options

        loop, *given = web_gradio.in_event_loop(running, 1, b=2)
        self.assertTrue(loop.is_closed())
        self.assertEqual(given, [(1,), {"b": 2}])

        async def outer():
            # The one that runs is taken.
            found, _, _ = web_gradio.in_event_loop(running)
            return found is asyncio.get_running_loop()

        self.assertTrue(asyncio.run(outer()))

    def test_free_port(self):
        port = web_gradio.free_port("127.0.0.1", 0)
        self.assertGreater(port, 0)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            with self.assertRaisesRegex(OSError, f"taken.*port={port}"):
                web_gradio.free_port("127.0.0.1", port)
