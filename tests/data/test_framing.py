import io

import pytest
from absl.testing import parameterized

from keras_comic.data.framing import FRAME_BYTES
from keras_comic.data.framing import FramingError
from keras_comic.data.framing import frame_record
from keras_comic.data.framing import masked_crc
from keras_comic.data.framing import scan_records
from tests.test_case import TestCase

RECORDS = [b"first", b"", b"third \0 record", b"x" * 300]


class FramingTest(parameterized.TestCase, TestCase):
    def setUp(self):
        super().setUp()
        self.framed = [frame_record(record) for record in RECORDS]

    def scan(self, content):
        return list(scan_records(io.BytesIO(content)))

    def scan_until_error(self, content):
        found = []
        with self.assertRaises(FramingError) as context:
            for _, data in scan_records(io.BytesIO(content)):
                found.append(data)
        return found, str(context.exception)

    def test_round_trip(self):
        content = b"".join(self.framed)
        found = self.scan(content)
        self.assertEqual([data for _, data in found], RECORDS)
        for offset, data in found:
            self.assertEqual(content[offset : offset + len(data)], data)
        for record, framed in zip(RECORDS, self.framed, strict=True):
            self.assertEqual(len(framed), len(record) + FRAME_BYTES)
        self.assertEqual(self.scan(b""), [])

    def test_the_same_as_tensorflow(self):
        tf = pytest.importorskip("tensorflow")
        path = str(self.temporary_folder() / "a.tfrecord")
        with tf.io.TFRecordWriter(path) as writer:
            for record in RECORDS:
                writer.write(record)
        with open(path, "rb") as file:
            content = file.read()
        self.assertEqual(content, b"".join(self.framed))
        with tf.io.gfile.GFile(path, "rb") as file:
            self.assertEqual([d for _, d in scan_records(file)], RECORDS)

    @parameterized.parameters(2**31 + 1, 2**63)
    def test_a_length_that_cannot_be(self, length):
        # Its checksum agrees, but nothing of that size may be read.
        head = length.to_bytes(8, "little")
        content = head + masked_crc(head).to_bytes(4, "little")
        found, message = self.scan_until_error(content)
        self.assertEqual(found, [])
        self.assertRegex(message, "length of the record at byte 0 is broken")
