"""What a picture says of how it was made."""

from keras_comic.provenance.inspection import inspect_file
from keras_comic.provenance.metadata import Provenance
from keras_comic.provenance.metadata import embed_provenance
from keras_comic.provenance.metadata import png_chunk
from keras_comic.provenance.metadata import read_provenance
from keras_comic.provenance.metadata import read_xmp
from keras_comic.provenance.watermark import embed_watermark
from keras_comic.provenance.watermark import read_watermark

__all__ = [
    "Provenance",
    "embed_provenance",
    "embed_watermark",
    "inspect_file",
    "png_chunk",
    "read_provenance",
    "read_watermark",
    "read_xmp",
]
