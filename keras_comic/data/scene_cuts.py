"""Finds where the scenes of a video start."""

import collections

from keras_comic.data.video_library import import_video_library

# Two cuts lie at least this many frames apart: a flash is one cut, not two.
MIN_SCENE_FRAMES = 3


def mark_scenes(frames):
    """Yields each frame, and whether a scene starts with it."""
    detector, size = None, None
    for frame in frames:
        if frame.follows_gap or frame.size != size:
            if detector is not None:
                yield from detector.finish()
            detector, size = _CutDetector(), frame.size
        yield from detector.add(frame)
    if detector is not None:
        yield from detector.finish()


class _CutDetector:
    """Feeds frames to PySceneDetect's adaptive detector."""

    def __init__(self):
        scenedetect = import_video_library("scenedetect")
        self.timecode = scenedetect.FrameTimecode
        self.detector = scenedetect.AdaptiveDetector(min_scene_len=0)
        self.delay = self.detector.event_buffer_length
        self.count = 0
        self.waiting = collections.deque()
        self.cuts = collections.deque()
        self.last_cut = -MIN_SCENE_FRAMES

    def add(self, frame):
        thumbnail = frame.thumbnail()
        if self.count == 0:
            for _ in range(self.delay):
                self._process(thumbnail)
        self.waiting.append((self.count, frame))
        self._process(thumbnail)
        self.last = thumbnail
        if len(self.waiting) > self.delay:
            yield self._release()

    def finish(self):
        for _ in range(self.delay):
            self._process(self.last)
        while self.waiting:
            yield self._release()

    def _process(self, thumbnail):
        # Only counted, so any rate will do.
        timecode = self.timecode(self.count, 25.0)
        found = self.detector.process_frame(timecode, thumbnail)
        self.cuts.extend(cut.frame_num for cut in found)
        self.count += 1

    def _release(self):
        place, frame = self.waiting.popleft()
        starts = place == self.delay
        while self.cuts and self.cuts[0] <= place:
            cut = self.cuts.popleft()
            if cut == place and cut - self.last_cut >= MIN_SCENE_FRAMES:
                starts, self.last_cut = True, cut
        return frame, starts
