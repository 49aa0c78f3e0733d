"""The OpenAPI page of the local server, made from the models it serves."""

import tensorflow as tf

from keras_comic.serving.monitoring import METRICS_PATHS

OPENAPI_VERSION = "3.1.0"
_MAX_VERSION = 2**63 - 1
_ERRORS = {
    "400": "The request is malformed, or the model refuses its inputs.",
    "401": "The token is missing or wrong.",
    "403": "The content review withholds the result.",
    "404": "There is no such model or version.",
    "405": "The path does not answer this method.",
    "408": "The body has not come in time.",
    "413": "The body is too large.",
    "415": "The body is compressed.",
    "429": "The queue is full; try again after `Retry-After` seconds.",
    "500": "The model has failed.",
    "501": "This server does not answer this.",
    "503": "The server or the model is not ready.",
    "504": "There was no answer before the deadline.",
}
_TARGETS = ("", "/versions/{version}", "/labels/{label}")


def make_openapi_page(repository, needs_token=False):
    """Describes every request that the server answers."""
    page = {
        "openapi": OPENAPI_VERSION,
        "info": {
            "title": "keras_comic",
            "version": "1",
            "description": "TensorFlow Serving's REST API: "
            "https://www.tensorflow.org/tfx/serving/api_rest",
        },
        "paths": _paths(repository),
        "components": {
            "schemas": {
                "Error": {
                    "type": "object",
                    "properties": {"error": {"type": "string"}},
                    "required": ["error"],
                },
                "PredictRequest": _predict_request(repository),
                "PredictResponse": _PREDICT_RESPONSE,
                "ModelStatus": _MODEL_STATUS,
                "ModelMetadata": _MODEL_METADATA,
            },
        },
    }
    if needs_token:
        page["components"]["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer"}
        }
        page["security"] = [{"bearer": []}]
        for path in ("/healthz", "/readyz"):
            page["paths"][path]["get"]["security"] = []
    return page


def _paths(repository):
    paths = {
        "/healthz": _get("Whether the process lives.", _STATE, []),
        "/readyz": _get("Whether requests are taken.", _STATE, ["503"]),
        "/openapi.json": _get("This page.", {"type": "object"}, ["401"]),
    }
    for path in METRICS_PATHS:
        page = _get("Metrics for Prometheus.", {"type": "string"}, ["401"])
        ok = page["get"]["responses"]["200"]
        ok["content"] = {"text/plain": {"schema": {"type": "string"}}}
        paths[path] = page
    for target in _TARGETS:
        path = f"/v1/models/{{model}}{target}"
        parameters = _parameters(repository, target)
        paths[path] = {
            "parameters": parameters,
            **_get(
                "How the versions of a model are.",
                _reference("ModelStatus"),
                ["400", "401", "404"],
            ),
        }
        paths[f"{path}/metadata"] = {
            "parameters": parameters,
            **_get(
                "The signatures of a model, with their inputs and outputs.",
                _reference("ModelMetadata"),
                ["400", "401", "404"],
            ),
        }
        paths[f"{path}:predict"] = {
            "parameters": parameters,
            "post": _predict(),
        }
        for method in ("classify", "regress"):
            paths[f"{path}:{method}"] = {
                "parameters": parameters,
                "post": {
                    "summary": "Is refused: no model here does it.",
                    "responses": _responses(["400", "401", "501"]),
                },
            }
    return paths


def _parameters(repository, target):
    parameters = [_parameter("model", {"enum": repository.names})]
    if "{version}" in target:
        schema = {"type": "integer", "minimum": 0, "maximum": _MAX_VERSION}
        parameters.append(_parameter("version", schema))
    if "{label}" in target:
        schema = {"type": "string", "pattern": "^[^/:]+$"}
        parameters.append(_parameter("label", schema))
    return parameters


def _parameter(name, schema):
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _get(summary, schema, errors):
    responses = {"200": _json_response("The answer.", schema)}
    responses.update(_responses([*errors, "405", "500"]))
    return {"get": {"summary": summary, "responses": responses}}


def _predict():
    responses = {
        "200": _json_response("The outputs.", _reference("PredictResponse"))
    }
    errors = [e for e in _ERRORS if e != "501"]
    responses.update(_responses([*errors, "501"]))
    return {
        "summary": "Runs a signature of a model.",
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": _reference("PredictRequest")}
            },
        },
        "responses": responses,
    }


def _responses(errors):
    responses = {
        error: _json_response(_ERRORS[error], _reference("Error"))
        for error in sorted(errors)
    }
    if "429" in responses:
        responses["429"]["headers"] = {
            "Retry-After": {"schema": {"type": "integer"}}
        }
    return responses


def _json_response(description, schema):
    return {
        "description": description,
        "content": {"application/json": {"schema": schema}},
    }


def _reference(name):
    return {"$ref": f"#/components/schemas/{name}"}


def _predict_request(repository):
    """One of the signatures of one of the models, in rows or in columns."""
    forms, seen = [], []
    for servable in repository.servables():
        for name, signature in servable.signatures.items():
            if (name, signature) in seen or not signature.inputs:
                continue
            seen.append((name, signature))
            forms.extend(_forms(name, signature.inputs))
    return {"anyOf": forms} if forms else {"type": "object"}


def _forms(name, inputs):
    """Schemas of the requests to a signature."""
    base = {"signature_name": {"const": name}}
    required = [] if name == "serving_default" else ["signature_name"]
    columns = _object({n: _tensor(i, i.shape) for n, i in inputs.items()})
    rows = _object({n: _tensor(i, i.shape[1:]) for n, i in inputs.items()})
    # In columns, other names are not looked at.
    rows["additionalProperties"] = False
    if len(inputs) == 1:
        ((_, info),) = inputs.items()
        columns = {"anyOf": [columns, _tensor(info, info.shape)]}
        rows = {"anyOf": [rows, _tensor(info, info.shape[1:])]}
    for key, schema, other in (
        ("inputs", columns, "instances"),
        (
            "instances",
            {"type": "array", "minItems": 1, "items": rows},
            "inputs",
        ),
    ):
        yield {
            "type": "object",
            "properties": {**base, key: schema, other: False},
            "required": [*required, key],
        }


def _object(properties):
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
    }


def _tensor(info, shape):
    schema = _value(info.dtype)
    if shape.rank is None:
        return {"anyOf": [schema, {"type": "array"}]}
    for size in reversed(shape.as_list()):
        schema = {"type": "array", "items": schema, "minItems": size or 1}
        if size is not None:
            schema["maxItems"] = size
    return schema


def _value(dtype):
    if dtype == tf.string:
        return {
            "anyOf": [
                {"type": "string"},
                {
                    "type": "object",
                    "properties": {
                        "b64": {"type": "string", "contentEncoding": "base64"}
                    },
                    "required": ["b64"],
                    "additionalProperties": False,
                },
            ]
        }
    if dtype == tf.bool:
        return {"type": "boolean"}
    if dtype.is_integer:
        return {
            "type": "integer",
            "minimum": int(dtype.min),
            "maximum": int(dtype.max),
        }
    return {"type": "number"}


_STATE = {
    "type": "object",
    "properties": {"status": {"type": "string"}},
    "required": ["status"],
}
_PREDICT_RESPONSE = {
    "type": "object",
    "description": "`predictions` of rows, `outputs` of columns.",
    "properties": {"predictions": {"type": "array"}, "outputs": {}},
    "minProperties": 1,
    "maxProperties": 1,
}
_MODEL_STATUS = {
    "type": "object",
    "properties": {
        "model_version_status": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "version": {"type": "string"},
                    "state": {
                        "enum": [
                            "START",
                            "LOADING",
                            "AVAILABLE",
                            "UNLOADING",
                            "END",
                        ]
                    },
                    "status": {
                        "type": "object",
                        "properties": {
                            "error_code": {"type": "string"},
                            "error_message": {"type": "string"},
                        },
                        "required": ["error_code", "error_message"],
                    },
                },
                "required": ["version", "state", "status"],
            },
        }
    },
    "required": ["model_version_status"],
}
_MODEL_METADATA = {
    "type": "object",
    "properties": {
        "model_spec": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "signature_name": {"type": "string"},
                "version": {"type": "string"},
            },
            "required": ["name", "signature_name", "version"],
        },
        "metadata": {
            "type": "object",
            "properties": {
                "signature_def": {
                    "type": "object",
                    "properties": {"signature_def": {"type": "object"}},
                    "required": ["signature_def"],
                }
            },
            "required": ["signature_def"],
        },
    },
    "required": ["model_spec", "metadata"],
}
