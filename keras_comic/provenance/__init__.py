"""Metadata that say how a picture was made, and an invisible mark."""

from keras_comic.provenance.inspection import inspect_file
from keras_comic.provenance.metadata import Provenance
from keras_comic.provenance.metadata import png_chunk
from keras_comic.provenance.metadata import read_provenance
from keras_comic.provenance.metadata import save_options
from keras_comic.provenance.watermark import embed_watermark
from keras_comic.provenance.watermark import read_watermark

__all__ = [
    "Provenance",
    "embed_watermark",
    "inspect_file",
    "png_chunk",
    "read_provenance",
    "read_watermark",
    "save_options",
]
