"""Records of short clips."""

import io
import itertools

import numpy as np
from PIL import Image

from keras_comic.data.optical_flow import encode_flow
from keras_comic.data.optical_flow import flow_validity
from keras_comic.data.optical_flow import optical_flow
from keras_comic.data.record_maker import Drop
from keras_comic.data.record_maker import Picture
from keras_comic.data.record_maker import Record
from keras_comic.data.record_maker import RecordMaker
from keras_comic.data.record_maker import encode_image
from keras_comic.data.record_maker import sha256_of
from keras_comic.data.tfrecord import serialize_record
from keras_comic.data.video_frames import read_clips


class ClipRecordMaker(RecordMaker):
    """Makes records of clips: frames that follow each other, with their times.

    Sources are videos and folders of frames. No clip crosses a scene cut.

    Args:
        num_frames: Integer > 1. Frames of a clip. Defaults to `8`.
        step: Integer > 0. Every so many frames of the video one is taken.
            Defaults to `1`.
        stride: Integer > 0 or `None`. Frames of the video from the start of
            one clip to that of the next. Defaults to `None`, with which clips
            do not overlap.
        image_size: Integer or `None`. Frames with a longer short side than
            this are resized to it, pixels. Defaults to `None`.
        flow: Boolean. Whether the optical flow from each frame to the next
            is stored too. Defaults to `False`.
        rules: `CleaningRules` or `None`. A clip is left out if its middle
            frame would be. Defaults to `None`.
    """

    def __init__(
        self,
        num_frames=8,
        step=1,
        stride=None,
        image_size=None,
        flow=False,
        rules=None,
    ):
        if not num_frames > 1:
            raise ValueError(
                "`num_frames` must be an integer of at least 2. "
                f"Received: num_frames={num_frames}"
            )
        for name, value in (("step", step), ("stride", stride)):
            if value is not None and not value > 0:
                raise ValueError(
                    f"`{name}` must be a positive integer. "
                    f"Received: {name}={value}"
                )
        super().__init__("clips", image_size, rules)
        self.num_frames = num_frames
        self.step = step
        self.stride = stride
        self.flow = flow

    def get_config(self):
        return {
            **super().get_config(),
            "num_frames": self.num_frames,
            "step": self.step,
            "stride": self.stride,
            "flow": self.flow,
        }

    def make_records(self, source, drops, conversions):
        clip = None
        for clip in read_clips(
            source.path, self.num_frames, stride=self.stride, step=self.step
        ):
            middle = clip.frames[len(clip.frames) // 2]
            box = (0, 0, *middle.shape[:2])
            picture = Picture(middle, True, None, box, 0.0)
            if self.clean(picture, source, drops):
                yield self._make_record(source, clip, conversions)
        if clip is None:
            count = (self.num_frames - 1) * self.step + 1
            reason = f"no scene of it is as long as a clip, {count} frames"
            drops.append(Drop(str(source.path), "too short", reason))

    def _make_record(self, source, clip, conversions):
        frames = [self.resize(np.asarray(frame)) for frame in clip.frames]
        if frames[0].shape != clip.frames[0].shape:
            conversions["resized"] += len(frames)
        encoded = [encode_image(frame, lossy=True)[0] for frame in frames]
        sha256 = sha256_of(*encoded)
        values = {
            **self.common_values(source, sha256, "jpeg", frames[0].shape),
            "clip/encoded": encoded,
            "clip/times": [float(time) for time in clip.times],
        }
        if self.flow:
            # What a reader decodes is what the flow is of.
            decoded = [
                np.asarray(Image.open(io.BytesIO(item)).convert("RGB"))
                for item in encoded
            ]
            values["clip/flow"] = [
                _encoded_flow(first, second)
                for first, second in itertools.pairwise(decoded)
            ]
        data = serialize_record(self.kind, values)
        facts = self.facts(source, frames[len(frames) // 2], data, sha256)
        # The next clip of a still scene looks alike, and is wanted.
        return Record(data, {**facts, "hash": None})


def _encoded_flow(first, second):
    forward = optical_flow(first, second)
    backward = optical_flow(second, first)
    return encode_flow(forward, flow_validity(forward, backward))
