from PIL import Image

from keras_comic.data.images import read_image
from keras_comic.data.video_frames import read_clips
from tests.data.videos import VideoTestCase
from tests.data.videos import scene


class FolderReaderTest(VideoTestCase):
    def save_folder(self, numbers, seeds=None):
        frames = scene(len(numbers), seed=0)
        for place, number in enumerate(numbers):
            if seeds is not None:
                frames[place] = scene(1, seeds[place])[0]
            path = self.folder / f"frame_{number}.png"
            Image.fromarray(frames[place]).save(path)
        (self.folder / "notes.txt").touch()
        (self.folder / "cover.png").touch()
        return frames

    def test_folder(self):
        # In the order of the numbers, not of the names.
        frames = self.save_folder(range(8, 14))
        clips = list(read_clips(self.folder, 3))
        self.assertEqual([clip.number for clip in clips], [8, 11])
        self.assertAllEqual(clips[0].frames, frames[:3])
        self.assertAllEqual(clips[1].frames, frames[3:])
        self.assertAllClose(clips[1].times, [3 / 24, 4 / 24, 5 / 24])

    def test_folder_with_gaps_and_cuts(self):
        self.save_folder([0, 5, 10, 20, 25, 30, 35])
        clips = list(read_clips(self.folder, 3))
        self.assertEqual([clip.number for clip in clips], [0, 20])
        self.assertShape(clips[0].frames, (3, 48, 64, 3))
        self.save_folder(range(8), seeds=[1, 1, 1, 1, 2, 2, 2, 2])
        (self.folder / "frame_35.png").unlink()
        for number in (10, 20, 25, 30):
            (self.folder / f"frame_{number}.png").unlink()
        clips = list(read_clips(self.folder, 3))
        self.assertEqual([clip.number for clip in clips], [0, 4])

    def test_folder_of_one_image(self):
        frames = self.save_folder([7])
        clips = list(read_clips(self.folder, 1))
        self.assertAllEqual(clips[0].frames, frames)
        self.assertAllEqual(
            clips[0].frames[0], read_image(self.folder / "frame_7.png")
        )

    def test_errors_of_folders(self):
        with self.assertRaisesRegex(ValueError, "no numbered images.*Received"):
            read_clips(self.folder, 2)
        self.save_folder([1, 2])
        Image.new("RGB", (8, 8)).save(self.folder / "frame_02.png")
        with self.assertRaisesRegex(ValueError, "Two images have the number 2"):
            read_clips(self.folder, 2)
        (self.folder / "frame_02.png").unlink()
        Image.new("RGB", (8, 8)).save(self.folder / "other_3.png")
        with self.assertRaisesRegex(ValueError, "one sequence in a folder"):
            read_clips(self.folder, 2)
