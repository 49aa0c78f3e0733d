from keras_comic.video.packet import Packet
from tests.test_case import TestCase


class PacketTest(TestCase):
    def test_packet(self):
        packet = Packet(b"abc", 2, 1, True)
        self.assertEqual((packet.data, packet.pts, packet.dts), (b"abc", 2, 1))
        self.assertTrue(packet.is_key)
