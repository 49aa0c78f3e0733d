import importlib.util
import json
import sys

import pytest

from tests.serving.rest_servers import start_server
from tests.serving.small_saved_model import small_saved_model
from tests.test_case import ROOT
from tests.test_case import TestCase
from tests.test_case import requires_tensorflow

FOLDER = ROOT / "examples" / "benchmarks"


@requires_tensorflow
class ServingLoadTest(TestCase):
    def run_script(self, *arguments):
        # Where Python looks when a benchmark is run as a script.
        sys.path.insert(0, str(FOLDER))
        self.addCleanup(sys.path.remove, str(FOLDER))
        spec = importlib.util.spec_from_file_location(
            "examples.benchmarks.serving_load", FOLDER / "serving_load.py"
        )
        script = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(script)
        script.WARM_UP_SECONDS = 0.1
        path = self.temporary_folder() / "serving_load.json"
        script.main(
            ["--seconds", "0.5", "--clients", "2", "--sizes", "32"]
            + ["--json", str(path), *arguments]
        )
        rows = json.loads(path.read_text())
        return {row["name"]: row["value"] for row in rows}

    def assertServed(self, found):
        for form in ("b64", "integers"):
            label = f"{form}, 32x32, 2 clients"
            self.assertGreater(found[f"{label}: throughput"], 0.0)
            self.assertEqual(found[f"{label}: failed requests"], 0.0)

    def test_server_that_runs(self):
        _, folder = small_saved_model()
        server, _ = start_server(self, {"comic": folder})
        address = server.url.removeprefix("http://")
        self.assertServed(self.run_script("--address", address))

    @pytest.mark.slow
    @pytest.mark.skipif(
        not sys.platform.startswith("linux"), reason="reads /proc"
    )
    def test_own_server(self):
        _, folder = small_saved_model()
        found = self.run_script("--preset", str(folder))
        self.assertServed(found)
        self.assertEqual(found["lost at SIGTERM"], 0.0)
