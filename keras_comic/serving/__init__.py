"""Servers and clients: the wire, the web page, bulk work.

Each needs an extra of its own, so that a name is imported when it is asked for.
"""

import importlib

__all__ = [
    "Client",
    "ComicModelHandler",
    "ContentReview",
    "MediaLimits",
    "ModelServer",
    "Servable",
    "ServingError",
    "StylizePhotos",
    "Verdict",
    "load_classifier",
    "make_page",
    "serve",
    "serve_page",
    "stylize_with_beam",
]

# Public name: the module here that defines it.
_LAZY = {
    "Client": "client",
    "ComicModelHandler": "comic_model_handler",
    "ContentReview": "content_review",
    "MediaLimits": "web_media",
    "ModelServer": "server",
    "Servable": "servable",
    "ServingError": "errors",
    "StylizePhotos": "beam_transforms",
    "Verdict": "content_review",
    "load_classifier": "content_review",
    "make_page": "web_page",
    "serve": "server",
    "serve_page": "web_page",
    "stylize_with_beam": "beam_stylize",
}


def __getattr__(name):
    if name in _LAZY:
        module = importlib.import_module(f"{__name__}.{_LAZY[name]}")
        return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__})
