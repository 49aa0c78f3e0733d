"""Tests of `keras_comic.data.image_formats`."""

import pytest

from keras_comic.data.image_formats import FORMATS
from keras_comic.data.image_formats import SUFFIXES
from keras_comic.data.images import image_format
from tests.data.bad_files import encode
from tests.data.bad_files import picture

HEADS = {
    b"\0\0\0\x20ftypavif\0\0\0\0avifmif1": "AVIF",
    b"\0\0\0\x20ftypmif1\0\0\0\0mif1avif": "AVIF",
    b"\0\0\0\x20ftypheic\0\0\0\0mif1heic": "HEIF",
    b"\0\0\0\x20ftypmif1\0\0\0\0mif1heic": "HEIF",
    b"\xff\x0a\xfa\x00": "JXL",
    b"qoif\0\0\0\1": "QOI",
    b"8BPS\0\1": "PSD",
    # Videos, sound, archives, pages and text.
    b"\0\0\0\x20ftypisom\0\0\2\0isomiso2": None,
    b"\0\0\0\x14ftypqt  \0\0\0\0qt  ": None,
    b"RIFF\0\0\0\0AVI LIST": None,
    b"\x1aE\xdf\xa3": None,
    b"\0\0\1\xba\x44\0\4\0": None,
    b"PK\3\4": None,
    b"<html>": None,
    b"": None,
}


@pytest.mark.parametrize("head", HEADS)
def test_heads(head):
    assert image_format(head + bytes(20)) == HEADS[head]


def test_targa_has_no_signature():
    assert image_format(encode(picture(), "TGA")) == "TGA"
    assert image_format(encode(picture(channels=4), "TGA")) == "TGA"


def test_suffixes():
    assert {".jpg", ".png", ".heic", ".tif"} < SUFFIXES
    assert ".mp4" not in SUFFIXES
    assert len(SUFFIXES) == sum(len(row.suffixes) for row in FORMATS.values())
