from pathlib import Path

import pytest
from PIL import Image

from keras_comic.cli.stylize_plan import plan_comics
from tests.test_case import TestCase
from tests.test_case import photos

pytest.importorskip("av")


def write_clip(path):
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(path, "w") as output:
        stream = output.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        frame = av.VideoFrame.from_ndarray(photos(48, 64, 3))
        for packet in [*stream.encode(frame), *stream.encode()]:
            output.mux(packet)
    return path


class StylizePlanTest(TestCase):
    def setUp(self):
        self.folder = self.temporary_folder()
        self.output = self.folder / "out"

    def save(self, name, count=1, **options):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pictures = [
            Image.fromarray(photos(32, 40, 3, seed=s)) for s in range(count)
        ]
        if count > 1:
            options |= {"save_all": True, "append_images": pictures[1:]}
        pictures[0].save(path, **options)
        return path

    def test_photos_of_several_pictures_are_photos(self):
        for path in (
            self.save("camera.jpg", 2, format="MPO"),
            self.save("scan.tif", 2),
        ):
            plan = plan_comics([path], self.folder / "comic.png")
            self.assertEqual((plan.photos, plan.videos), ([path], []))

    def test_contents_tell_animations(self):
        path = self.save("moving", 3, format="GIF")
        for name in ("comic.gif", "comic.png"):
            comic = self.folder / name
            plan = plan_comics([path], comic)
            self.assertEqual((plan.photos, plan.videos), ([], [(path, comic)]))

    def test_contents_tell_videos(self):
        clip = write_clip(self.folder / "clip.mkv")
        misnamed = clip.rename(self.folder / "clip.jpg")
        # A folder takes its frames.
        plan = plan_comics([misnamed], self.output)
        self.assertEqual(plan.videos, [(misnamed, self.output)])
        photo = self.save("photo.png")
        plan = plan_comics([misnamed, photo], self.output)
        self.assertEqual(plan.photos, [photo])
        self.assertEqual(plan.videos, [(misnamed, self.output / "clip.mp4")])
        with self.assertRaisesRegex(ValueError, "must be a folder"):
            plan_comics([misnamed, photo], Path("comic.mp4"))

    def test_nothing_of_a_folder_is_left_out(self):
        photo = self.save("roll/day/photo.jpg")
        moving = self.save("roll/day/moving.webp", 3)
        clip = write_clip(self.folder / "roll" / "clip.mp4")
        notes = self.folder / "roll" / "notes.txt"
        notes.write_text("not a picture")
        plan = plan_comics([photo.parents[1]], self.output)
        self.assertEqual(plan.photos, [self.folder / "roll"])
        self.assertEqual(
            dict(plan.videos),
            {
                clip: self.output / "clip.mp4",
                moving: self.output / "day" / "moving.webp",
            },
        )
        self.assertEqual(plan.others, [notes])
        several = plan_comics([photo.parents[1], clip], self.output)
        self.assertEqual(several.output, self.output / "roll")
        self.assertIn(
            self.output / "roll" / "day" / "moving.webp",
            [target for _, target in several.videos],
        )

    def test_two_sources_never_share_a_comic(self):
        clips = [write_clip(self.folder / name / "clip.mp4") for name in "xy"]
        with self.assertRaisesRegex(ValueError, "clip.mp4 and .*clip.mp4"):
            plan_comics(clips, self.output)
        clips[1] = clips[1].rename(clips[1].with_suffix(".3gp"))
        with self.assertRaisesRegex(ValueError, "the same comic"):
            plan_comics(clips, self.output)

    def test_folders_of_frames(self):
        frame = self.save("frames/frame_0001.png")
        folder = frame.parent
        photo = self.save("photo.png")
        plan = plan_comics([photo], self.folder / "comic.png", as_video=True)
        self.assertEqual((plan.photos, plan.videos), ([photo], []))
        for output, as_video in ((Path("a.mp4"), False), (self.output, True)):
            plan = plan_comics([folder], output, as_video)
            self.assertEqual(plan.videos, [(folder, output)])
