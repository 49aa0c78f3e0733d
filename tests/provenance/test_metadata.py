"""Tests of `keras_comic.provenance.metadata`."""

import io
import struct
import zlib
from unittest import mock

import numpy as np
import pytest
from absl.testing import parameterized
from PIL import Image

import keras_comic
from keras_comic.provenance.metadata import DIGITAL_SOURCE_TYPE
from keras_comic.provenance.metadata import Provenance
from keras_comic.provenance.metadata import animation_block
from keras_comic.provenance.metadata import png_chunk
from keras_comic.provenance.metadata import read_provenance
from keras_comic.provenance.metadata import read_text
from keras_comic.provenance.metadata import save_options
from tests.test_case import TestCase
from tests.test_case import photos

INK = Provenance("adain_ink", "cc419f3f52d24abf")


def encoded(file_format, provenance=None, **options):
    """The bytes of a small picture."""
    file = io.BytesIO()
    options.update(save_options(provenance, file_format))
    Image.fromarray(photos(20, 30, 3)).save(file, file_format, **options)
    return file.getvalue()


def save_video(path, provenance=None):
    """Saves a video of three frames."""
    av = pytest.importorskip("av")
    with av.open(str(path), "w") as container:
        if provenance is not None:
            container.metadata["comment"] = provenance.to_text()
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height = 64, 48
        for seed in range(3):
            frame = av.VideoFrame.from_ndarray(photos(48, 64, 3, seed=seed))
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


class ProvenanceTest(parameterized.TestCase):
    @parameterized.parameters(
        Provenance(),
        INK,
        Provenance("hf://user/name & <co>"),
        Provenance("Tusche, größer", "1", "other 2.0"),
    )
    def test_round_trip(self, provenance):
        packet = provenance.to_xmp()
        for text in (packet, provenance.to_text()):
            self.assertEqual(Provenance.from_text(text), provenance)
        self.assertIn(f">{DIGITAL_SOURCE_TYPE}</Iptc4xmpExt:", packet)
        self.assertEqual(Provenance("a").to_xmp(), Provenance("a").to_xmp())
        self.assertIsNone(Provenance.from_text("Made from a photo by hand."))

    def test_says_who_made_it(self):
        self.assertEqual(INK.software, f"keras_comic {keras_comic.__version__}")

    @parameterized.parameters(
        ({"preset": ""}, ValueError, "1 to 256"),
        ({"preset": "a\nb"}, ValueError, "control"),
        ({"preset": " a"}, ValueError, "blanks"),
        ({"version": "a" * 257}, ValueError, "`version` must have"),
    )
    def test_refuses(self, arguments, kind, message):
        with self.assertRaisesRegex(kind, message):
            Provenance(**arguments)


class FilesTest(TestCase, parameterized.TestCase):
    @parameterized.parameters("PNG", "JPEG", "WEBP", "TIFF", "GIF")
    def test_pictures(self, file_format):
        contents = encoded(file_format, INK)
        self.assertEqual(read_provenance(contents), INK)
        self.assertIn(DIGITAL_SOURCE_TYPE, read_text(contents))
        plain = encoded(file_format)
        self.assertIsNone(read_provenance(plain))
        self.assertAllEqual(
            *(np.asarray(Image.open(io.BytesIO(c))) for c in (contents, plain))
        )
        with self.assertRaisesRegex(ValueError, "file_format=BMP"):
            save_options(INK, "BMP")

    def test_chunk_of_png(self):
        chunk = png_chunk(INK)
        self.assertLen(chunk, struct.unpack(">I", chunk[:4])[0] + 12)
        checksum = struct.unpack(">I", chunk[-4:])[0]
        self.assertEqual(checksum, zlib.crc32(chunk[4:-4]))
        contents = encoded("PNG")
        contents = contents[:33] + chunk + contents[33:]
        self.assertEqual(read_provenance(contents), INK)
        self.assertEqual(animation_block(INK, "PNG"), chunk)

    def test_blocks_of_animations(self):
        contents = encoded("GIF")
        # Before the end mark.
        contents = contents[:-1] + animation_block(INK, "GIF") + b";"
        image = Image.open(io.BytesIO(contents))
        self.assertEqual(image.size, (30, 20))
        block = animation_block(INK, "WEBP")
        self.assertEqual(block[:4], b"XMP ")
        length = struct.unpack("<I", block[4:8])[0]
        self.assertEqual(block[8 : 8 + length].decode(), INK.to_xmp())
        self.assertEqual(len(block) % 2, 0)
        with self.assertRaisesRegex(ValueError, "file_format=BMP"):
            animation_block(INK, "BMP")

    @parameterized.parameters("mp4", "mov", "mkv", "avi")
    def test_videos(self, suffix):
        path = self.temporary_folder() / f"a.{suffix}"
        self.assertEqual(read_provenance(save_video(path, INK)), INK)
        self.assertEqual(read_provenance(path.read_bytes()), INK)
        self.assertIsNone(read_provenance(save_video(path)))

    def test_other_files(self):
        path = self.temporary_folder() / "a.txt"
        path.write_text("My dog")
        with self.assertRaisesRegex(ValueError, "a.txt.* a PNG, JPEG, WebP"):
            read_provenance(path)
        with self.assertRaisesRegex(ValueError, "The contents: The file must"):
            read_provenance(b"My dog")
        with self.assertRaises(FileNotFoundError):
            read_provenance(path.with_name("none"))

    def test_videos_without_their_library(self):
        with mock.patch.dict("sys.modules", {"av": None}):
            with self.assertRaisesRegex(ImportError, r"keras-comic\[video\]"):
                read_provenance(b"\0\0\0\x18ftypisom")
