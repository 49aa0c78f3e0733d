"""The same crop of the frames of a clip, and of the flow between them."""

import numpy as np
import tensorflow as tf

from keras_comic.data.image_ops import box_window
from keras_comic.data.image_ops import cut
from keras_comic.data.optical_flow import decode_flow
from keras_comic.data.picture_stream import PictureStream
from keras_comic.data.picture_stream import encoded_picture
from keras_comic.data.picture_stream import string_values
from keras_comic.data.randomness import random_key
from keras_comic.data.randomness import random_uniforms


class ClipStream(PictureStream):
    """Makes crops of clips: so many frames, from a random one on."""

    kinds = ("clips",)

    def __init__(self, records, seed, name, crops, num_frames, flow):
        if not num_frames > 0:
            raise ValueError(
                "`num_frames` must be a positive integer. "
                f"Received: num_frames={num_frames}"
            )
        self.num_frames = num_frames
        self.flow = flow
        self.start_key = random_key(seed, f"{name} start")
        super().__init__(records, seed, name, crops)
        self._check_clips()

    def _check_clips(self):
        """Raises an error if the first clip is too short or without flow."""
        for number in range(len(self.reader.index)):
            (data,) = self.reader.index.read([number])
            if data is not None:
                self.parse(data, check=False)
                return

    def extract(self, features, size, check):
        files = string_values(features, "clip/encoded")
        times = features["clip/times"].float_list.value
        flows = string_values(features, "clip/flow")
        if len(files) < self.num_frames or len(times) != len(files):
            raise ValueError(
                f"`num_frames` must be at most {len(files)}, what the clips "
                f"have. Received: num_frames={self.num_frames}"
            )
        if self.flow and len(flows) != len(files) - 1:
            raise ValueError(
                "The clips have no optical flow; build them again with it. "
                "Received: flow=True"
            )
        frames = [
            encoded_picture(file, "clip/encoded", size, check) for file in files
        ]
        return {
            "encoded": [frame.encoded for frame in frames],
            "is_jpeg": [frame.is_jpeg for frame in frames],
            "sizes": size,
            "times": list(times),
            "flow": list(flows),
        }

    def specs(self):
        specs = {
            **super().specs(),
            "encoded": tf.TensorSpec([self.num_frames], "string"),
            "is_jpeg": tf.TensorSpec([self.num_frames], "bool"),
            "times": tf.TensorSpec([self.num_frames], "float32"),
        }
        if self.flow:
            specs["flow"] = tf.TensorSpec([self.num_frames - 1], "string")
        return specs

    def parsed(self, samples):
        uniforms = random_uniforms(self.start_key, samples, 1)[:, 0]
        return [
            self._shorten(clip, uniform)
            for clip, uniform in zip(super().parsed(samples), uniforms)
        ]

    def _shorten(self, clip, uniform):
        starts = len(clip["times"]) - self.num_frames + 1
        start = int(np.float64(uniform) * starts)
        end = start + self.num_frames
        shortened = {
            key: clip[key][start:end] for key in ("encoded", "is_jpeg", "times")
        }
        return {**clip, **shortened, "flow": clip["flow"][start : end - 1]}

    def make(self, sample):
        box = sample["boxes"][0]
        size = self.crops.size

        def make_frame(frame):
            return self.fit(self.decode(*frame, box))

        frames = tf.map_fn(
            make_frame,
            (sample["encoded"], sample["is_jpeg"]),
            fn_output_signature=tf.TensorSpec([size, size, 3], "uint8"),
        )
        frames = tf.ensure_shape(frames, (self.num_frames, size, size, 3))
        made = {
            "images": {"frames": frames},
            "mirrored": sample["mirrored"],
            "times": sample["times"],
        }
        if self.flow:
            made["flow"], made["valid"] = tf.map_fn(
                lambda encoded: self._make_flow(
                    encoded, box, sample["mirrored"]
                ),
                sample["flow"],
                fn_output_signature=(
                    tf.TensorSpec([size, size, 2]),
                    tf.TensorSpec([size, size], "bool"),
                ),
            )
        return made

    def _make_flow(self, encoded, box, mirrored):
        """Returns the flow and validity of a crop, in its pixels."""
        flow, valid = decode_flow(encoded)
        valid = tf.cast(valid, "float32")[..., None]
        values = tf.concat([flow * valid, valid], axis=-1)
        values = cut(values, box_window(box))
        size = self.crops.size
        values = tf.image.resize(values, (size, size), antialias=True)
        flow = values[..., :2] * (size / tf.cast(box[2], "float32"))
        known = values[..., 2] > 0.999
        flow = tf.where(mirrored, flow[:, ::-1] * (-1.0, 1.0), flow)
        known = tf.where(mirrored, known[:, ::-1], known)
        # Known all around, and leading into the crop.
        numbers = tf.range(size, dtype="float32")
        ends = flow + tf.stack(tf.meshgrid(numbers, numbers), axis=-1)
        # To the outer edge of the pixels, with room for float32's error.
        inside = (ends >= -0.501) & (ends <= size - 0.499)
        valid = known & tf.reduce_all(inside, axis=-1)
        return tf.where(valid[..., None], flow, 0.0), valid

    def finish(self, batch):
        finished = super().finish(batch)
        for key in ("times", "flow", "valid"):
            if key in batch:
                finished[key] = batch[key]
        return finished
