import numpy as np

from keras_comic.video.pieces import Pieces
from keras_comic.video.sink import Packet
from tests.test_case import TestCase

KEY = {"source": {"path": "a.mp4"}, "output": 3}


def packets(number):
    return [
        Packet(bytes([number, k]) * (k + 1), 10 * number + k, k, k == 0)
        for k in range(3)
    ]


class PiecesTest(TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder() / "a.mp4.parts"

    def test_goes_on(self):
        kept = Pieces(self.folder, KEY, resume=False)
        self.assertFalse(kept.has_state())
        kept.keep_prepared({"mean": np.array(2.0)})
        self.assertTrue(kept.has_state())
        kept.add(packets(0), 3, 2, {"last": np.arange(6.0)})
        kept.add(packets(1), 3, 12, {"last": np.arange(7.0)})

        again = Pieces(self.folder, KEY, resume=True)
        self.assertEqual(
            (again.num_pieces, again.num_frames, again.last), (2, 6, 12)
        )
        self.assertAllEqual(again.state()["last"], np.arange(7.0))
        self.assertEqual(list(again), [packets(0), packets(1)])
        # Of the states, the last is kept.
        names = sorted(path.name for path in self.folder.iterdir())
        self.assertEqual(
            names,
            ["manifest.json", "segment_000001.npz", "segment_000002.npz"]
            + ["state_000002.npz"],
        )
        again.remove()
        self.assertFalse(self.folder.exists())

    def test_interrupted_between_state_and_piece(self):
        kept = Pieces(self.folder, KEY, resume=False)
        kept.add(packets(0), 3, 2, {"last": np.arange(6.0)})
        (self.folder / "state_000002.npz").write_bytes(b"whole or not")
        (self.folder / ".partial.segment_000002.npz").write_bytes(b"half")
        again = Pieces(self.folder, KEY, resume=True)
        self.assertEqual(again.num_pieces, 1)
        self.assertAllEqual(again.state()["last"], np.arange(6.0))
        again.add(packets(1), 3, 12, {"last": np.arange(7.0)})
        self.assertAllEqual(again.state()["last"], np.arange(7.0))

    def test_prepared_state(self):
        kept = Pieces(self.folder, KEY, resume=False)
        kept.keep_prepared({"mean": np.array(2.0)})
        again = Pieces(self.folder, KEY, resume=True)
        self.assertAllEqual(again.state()["mean"], 2.0)
        # Without a frame, there is nothing to lose.
        again = Pieces(self.folder, KEY, resume=False)
        self.assertFalse(again.has_state())

    def test_interrupted_while_it_is_deleted(self):
        kept = Pieces(self.folder, KEY, resume=False)
        kept.add(packets(0), 3, 2, {})
        (self.folder / "manifest.json").unlink()
        again = Pieces(self.folder, KEY, resume=True)
        self.assertEqual((again.num_pieces, again.num_frames), (0, 0))
        self.assertEqual(len(list(self.folder.iterdir())), 1)

    def test_errors(self):
        kept = Pieces(self.folder, KEY, resume=False)
        kept.add(packets(0), 3, 2, {})
        with self.assertRaisesRegex(ValueError, r"unfinished.*\(3 frames\)"):
            Pieces(self.folder, KEY, resume=False)
        with self.assertRaisesRegex(
            ValueError, r"something else.*output=4 \(was 3\)"
        ):
            Pieces(self.folder, {**KEY, "output": 4}, resume=True)
        (self.folder / "state_000001.npz").unlink()
        with self.assertRaisesRegex(ValueError, "lacks the stylizer's state"):
            Pieces(self.folder, KEY, resume=True)
        (self.folder / "photo.jpg").touch()
        with self.assertRaisesRegex(ValueError, "other files.*photo.jpg"):
            Pieces(self.folder, KEY, resume=True)
        self.assertTrue((self.folder / "photo.jpg").exists())
