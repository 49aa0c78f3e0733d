from keras_comic.video.sink import Packet
from keras_comic.video.sink import PacketWriter
from keras_comic.video.sink import Sink
from tests.test_case import TestCase


class SinkTest(TestCase):
    def test_places(self):
        sink = Sink("1/100", min_ticks=2)
        self.assertEqual(sink.place(0.5, None), 50)
        # One tick behind the last frame is as near as rounding makes it.
        self.assertEqual(sink.place(0.51, 50), 52)
        self.assertIsNone(sink.place(0.5, 50))
        self.assertEqual(Sink("1/100").place(0.5, 50), 51)
        self.assertEqual((sink.end(0.6, 52), sink.end(0.1, 52)), (60, 53))


class PacketWriterTest(TestCase):
    def test_durations(self):
        class File:
            def __init__(self):
                self.added = []

            def add(self, packet, duration):
                self.added.append((packet.pts, duration))

        file = File()
        writer = PacketWriter(file)
        for ticks in (0, 3, 5, 9):
            writer.show(ticks)
        writer.add([Packet(b"", pts, 0, True) for pts in (0, 5, 3, 9)])
        self.assertEqual(file.added, [(0, 3), (5, 4), (3, 2)])
        writer.finish(12)
        self.assertEqual(file.added[-1], (9, 3))
