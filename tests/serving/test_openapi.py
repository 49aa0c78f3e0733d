import hypothesis
import pytest
import schemathesis
from schemathesis.checks import CHECKS
from schemathesis.checks import load_all_checks

from keras_comic.serving.model_repository import ModelRepository
from keras_comic.serving.openapi import make_openapi_page
from tests.serving.rest_servers import saved_model
from tests.serving.rest_servers import start_server
from tests.serving.small_saved_model import small_saved_model
from tests.test_case import TestCase

# What the schema cannot tell: that all rows of an image have one length, and
# that TensorFlow Serving ignores names that it does not know.
UNTOLD = ("positive_data_acceptance", "negative_data_rejection")


class OpenAPITest(TestCase):
    def test_page(self):
        repository = ModelRepository(
            {"comic": saved_model()}, poll_seconds=None
        )
        self.addCleanup(repository.close)
        page = make_openapi_page(repository)
        self.assertEqual(page["openapi"], "3.1.0")
        for path in (
            "/healthz",
            "/readyz",
            "/metrics",
            "/monitoring/prometheus/metrics",
            "/v1/models/{model}",
            "/v1/models/{model}/metadata",
            "/v1/models/{model}:predict",
            "/v1/models/{model}/versions/{version}:predict",
            "/v1/models/{model}/labels/{label}:predict",
            "/v1/models/{model}:classify",
        ):
            self.assertIn(path, page["paths"])
        self.assertNotIn("security", page)
        self.assertEqual(
            page["paths"]["/v1/models/{model}"]["parameters"][0]["schema"],
            {"enum": ["comic"]},
        )
        forms = page["components"]["schemas"]["PredictRequest"]["anyOf"]
        names = {f["properties"]["signature_name"]["const"] for f in forms}
        self.assertIn("serving_bytes", names)
        rows = next(
            f["properties"]["instances"]["items"]
            for f in forms
            if f["properties"]["signature_name"]["const"]
            == "serving_style_weights"
            and f["properties"]["instances"]
        )
        weights = rows["properties"]["style_weights"]
        self.assertEqual((weights["minItems"], weights["maxItems"]), (2, 2))

    def test_token(self):
        repository = ModelRepository(
            {"comic": saved_model()}, poll_seconds=None
        )
        self.addCleanup(repository.close)
        page = make_openapi_page(repository, needs_token=True)
        self.assertEqual(page["security"], [{"bearer": []}])
        self.assertEqual(page["paths"]["/healthz"]["get"]["security"], [])

    @pytest.mark.slow
    @pytest.mark.filterwarnings("ignore::DeprecationWarning")
    def test_the_server_is_as_the_page_says(self):
        _, folder = small_saved_model()
        server, _ = start_server(self, models={"comic": folder})
        schema = schemathesis.openapi.from_url(
            f"http://127.0.0.1:{server.rest_port}/openapi.json"
        )
        load_all_checks()
        checks = [
            check for check in CHECKS.get_all() if check.__name__ not in UNTOLD
        ]
        asked = 0
        for result in schema.get_all_operations():
            operation = result.ok()

            @hypothesis.settings(
                max_examples=8,
                deadline=None,
                database=None,
                derandomize=True,
                suppress_health_check=list(hypothesis.HealthCheck),
            )
            @hypothesis.given(case=operation.as_strategy())
            def ask(case):
                nonlocal asked
                response = case.call(timeout=30)
                refused = response.status_code == 501
                case.validate_response(
                    response,
                    checks=[
                        check
                        for check in checks
                        if not refused or check.__name__ != "not_a_server_error"
                    ],
                )
                asked += 1

            ask()
        self.assertGreater(asked, 50)
