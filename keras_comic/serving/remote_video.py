"""Videos through a server, some frames ahead."""

import collections

import numpy as np

from keras_comic.models.pictures import SMALLEST_SIDE
from keras_comic.video.conversion import convert_video
from keras_comic.video.frame_source import FrameSource
from keras_comic.video.frame_source import open_frames
from keras_comic.video.frame_stylizer import FrameStylizer


def convert_remotely(source, output, submit, num_ahead, key, options):
    """Converts a video whose frames are made into comics somewhere else."""
    frames = source
    if not isinstance(source, FrameSource):
        # Nothing is carried from frame to frame: cuts do not matter.
        frames = open_frames(source, scene_cuts=False)
    options = dict(options)
    stylizer = RemoteStylizer(key)
    stylizer.provenance = options.pop("provenance", None)
    stylizer.watermark = options.pop("watermark", None)
    ahead = FramesAhead(frames, stylizer, submit, num_ahead)
    try:
        return convert_video(ahead, output, stylizer, **options)
    finally:
        ahead.cancel()


class FramesAhead(FrameSource):
    """Frames of a source, which are submitted before they are given."""

    def __init__(self, frames, stylizer, submit, num_ahead):
        # It is the same source: its size, times and end.
        vars(self).update(vars(frames))
        self._stylizer = stylizer
        self._submit = submit
        self._num_ahead = num_ahead
        self._running = collections.deque()

    def read(self, start=0, every=1):
        frames = super().read(start, every)
        problem = None
        while True:
            while frames is not None and len(self._running) < self._num_ahead:
                try:
                    frame = next(frames, None)
                except ValueError as error:
                    # It comes after the frames that could be read.
                    frame, problem = None, error
                if frame is None:
                    frames = None
                    break
                future = self._submit(_enlarged(frame.image))
                self._running.append((frame, future))
            if not self._running:
                break
            frame, self._stylizer.future = self._running.popleft()
            yield frame
        if problem is not None:
            raise problem

    def cancel(self):
        """Forgets the frames that were not asked for any more."""
        for _, future in self._running:
            future.cancel()
        self._running.clear()


class RemoteStylizer(FrameStylizer):
    """Waits for the comic of the frame at hand."""

    future = None

    def __init__(self, key):
        self._key = key

    def describe(self):
        return self._key

    def stylize(self, frame, starts_scene=False):
        height, width = frame.shape[:2]
        return self.future.result()[:height, :width]


def _enlarged(image):
    """Continues a picture that is smaller than networks take."""
    more = [max(0, SMALLEST_SIDE - side) for side in image.shape[:2]]
    return np.pad(image, ((0, more[0]), (0, more[1]), (0, 0)), "edge")
