"""Servers and clients: the wire, the web page, bulk work.

Each needs an extra of its own, which is imported when it is used. The classes
derived from those of Beam are in the modules `beam_transforms`
(`StylizePhotos`) and `comic_model_handler` (`ComicModelHandler`).
"""

from keras_comic.serving.beam_stylize import stylize_with_beam
from keras_comic.serving.client import Client
from keras_comic.serving.content_review import ContentReview
from keras_comic.serving.content_review import Verdict
from keras_comic.serving.content_review import load_classifier
from keras_comic.serving.errors import ServingError
from keras_comic.serving.servable import Servable
from keras_comic.serving.server import ModelServer
from keras_comic.serving.server import serve
from keras_comic.serving.web_media import MediaLimits
from keras_comic.serving.web_page import make_page
from keras_comic.serving.web_page import serve_page

__all__ = [
    "Client",
    "ContentReview",
    "MediaLimits",
    "ModelServer",
    "Servable",
    "ServingError",
    "Verdict",
    "load_classifier",
    "make_page",
    "serve",
    "serve_page",
    "stylize_with_beam",
]
