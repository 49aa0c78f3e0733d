"""Frames and clips of videos, in one pass and in bounded memory.

Reading needs PyAV, and finding cuts needs PySceneDetect with OpenCV; all are
installed by `pip install keras-comic[video]` and imported when a video is
opened.
"""

import collections
import importlib
import os
import re
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

from keras_comic.data.images import SUFFIXES
from keras_comic.data.images import fitted_size
from keras_comic.data.images import read_image
from keras_comic.data.tone_mapping import HLG
from keras_comic.data.tone_mapping import PQ
from keras_comic.data.tone_mapping import needs_tone_mapping
from keras_comic.data.tone_mapping import to_standard_range

VIDEO_SUFFIXES = frozenset(
    ".avi .flv .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .ogv .ts .webm "
    ".wmv".split()
)

# Cuts are found on frames whose longer side is this, pixels. Two cuts lie at
# least this many frames apart: a flash is one cut, not two.
THUMBNAIL_SIDE = 256
MIN_SCENE_FRAMES = 3
# Frames of a scene that are kept to choose one from.
MAX_CANDIDATES = 8
# Taller videos that do not state their colour matrix are taken for BT.709,
# as players do.
MAX_HEIGHT_OF_BT601 = 576
# Pixel shapes beyond this are taken for an error in the file.
MAX_ASPECT_RATIO = 4
# Of a video that does not say it, frames per second.
DEFAULT_RATE = Fraction(25)
# What needs fewer rows than the deinterlacer is left as it is, pixels.
MIN_INTERLACED_HEIGHT = 16

# Demuxers of still pictures, text and playlists, which are no videos (or
# which read other files than the one named).
_NO_VIDEO_FORMATS = re.compile(
    r"image2|.*_pipe|tty|ico|hls|dash|concat|sdp|rtsp"
)
# Of swscale: bicubic; full chroma, accurate rounding, the same on every CPU.
_INTERPOLATION = 0x4 | 0x2000 | 0x40000 | 0x80000
_UNSPECIFIED_COLORSPACE = 2
_BT709 = 1
# A frame out for each frame in, those that are not interlaced unchanged.
_DEINTERLACER = ("bwdif", "mode=send_frame:parity=auto:deint=interlaced")

Frame = collections.namedtuple("Frame", ["number", "time", "image"])
Clip = collections.namedtuple("Clip", ["number", "frames", "times"])
VideoProperties = collections.namedtuple(
    "VideoProperties",
    [
        "width",
        "height",
        "frame_rate",
        "time_base",
        "num_frames",
        "duration",
        "changes",
    ],
)


class VideoError(ValueError):
    """A video that cannot be read, or not to its end.

    Args:
        message: String. What is wrong, and with which file.
        reason: String: `"unreadable"`, `"not a video"`, `"truncated"`, or
            `"changed"` (while it was read).

    Example:

    >>> error = keras_comic.data.VideoError("The file is empty.", "unreadable")
    >>> error.reason
    'unreadable'
    """

    def __init__(self, message, reason):
        super().__init__(message)
        self.reason = reason

    def __reduce__(self):
        return type(self), (*self.args, self.reason)


def read_frames(path, every=1, scene_cuts=False):
    """Reads frames of a video.

    Frames are turned upright as the file says, given square pixels (by
    enlarging the shorter side of the pixels), and converted to 8 bit by the
    colour matrix that the file states; transparent pixels lie on white.
    Interlaced frames are deinterlaced (FFmpeg's `bwdif`, one frame for two
    fields), high dynamic range (PQ, HLG) is compressed to that of common
    displays, and BT.2020's colours become those of BT.709. A damaged stretch
    is left out up to the next key frame. A video that is damaged or ends too
    early gives all that can be read and then raises.

    With `scene_cuts`, one frame of each scene is given: the sharpest of a few
    that lie evenly over the middle half of the scene. Hard cuts are found;
    fades and dissolves are not. At most 11 decoded frames are held at a
    time, however long the scene.

    Args:
        path: String or path of a video file.
        every: Integer > 0. Gives the frames 0, `every`, `2 * every`, ....
            Defaults to `1`.
        scene_cuts: Boolean. Whether to give one frame of each scene instead.
            Defaults to `False`.

    Returns:
        Iterator of named tuples `Frame`: `number`, counted from 0; `time`,
        float, seconds since the start of the file, from its own time stamps;
        `image`, uint8 array `(height, width, 3)`, RGB in `[0, 255]`.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If PyAV, OpenCV or PySceneDetect is needed and is not
            installed.
        ValueError: If an argument is out of its range. A `VideoError`, which
            has a `reason`, if the file is not a video or cannot be read.

    Example:

    >>> keras_comic.data.read_frames("no_such_video.mp4")
    Traceback (most recent call last):
    ...
    FileNotFoundError: There is no such file. Received: path=no_such_video.mp4
    """
    path = _check_file(path)
    _check_positive("every", every)
    if scene_cuts and every != 1:
        raise ValueError(
            "`every` and `scene_cuts` exclude each other; leave `every` at 1. "
            f"Received: every={every}, scene_cuts={scene_cuts}"
        )
    reader = VideoReader(path)
    if scene_cuts:
        import_video_library("scenedetect")
        return _scene_frames(reader)
    return _every_frame(reader, every)


def read_clips(
    path,
    num_frames,
    stride=None,
    step=1,
    max_side=None,
    frames_per_second=24.0,
):
    """Reads clips: runs of consecutive frames without a cut between them.

    Clips start at the first frame of a scene and then every `stride` frames;
    one that a cut, a damaged stretch or a missing frame would interrupt is
    left out. Frames are read as by `read_frames`. Memory is bounded by the
    frames from a clip's first to its last.

    Args:
        path: String or path: a video file, or a folder of numbered images
            (`frame_0001.png`, ...), which is one sequence.
        num_frames: Integer > 0. Frames of a clip.
        stride: Integer > 0 or `None`. Frames of the video between the starts
            of two clips. Defaults to `None`: clips do not overlap.
        step: Integer > 0. Takes every `step`-th frame of the video. Defaults
            to `1`.
        max_side: Integer > 0 or `None`. Frames whose longer side is longer
            are reduced to it, pixels. Defaults to `None`.
        frames_per_second: Float > 0. The rate at which a folder's images are
            numbered; videos have time stamps. Defaults to `24.0`.

    Returns:
        Iterator of named tuples `Clip`: `number`, that of the first frame (in
        a folder, the one in its name); `frames`, uint8 array `(num_frames,
        height, width, 3)`, RGB in `[0, 255]`; `times`, float64 array
        `(num_frames,)`, seconds since the start.

    Raises:
        FileNotFoundError: If there is no such file or folder.
        ImportError: If PyAV, OpenCV or PySceneDetect is needed and is not
            installed.
        ValueError: If an argument is out of its range, a folder holds no
            sequence, or an image of it cannot be read. A `VideoError`, which
            has a `reason`, if the file is not a video or cannot be read to
            its end; the clips before come first.

    Example:

    >>> keras_comic.data.read_clips("no_such_video.mp4", num_frames=4)
    Traceback (most recent call last):
    ...
    FileNotFoundError: There is no such file. Received: path=no_such_video.mp4
    """
    is_folder = os.path.isdir(path)
    path = Path(path) if is_folder else _check_file(path)
    _check_positive("num_frames", num_frames)
    _check_positive("step", step)
    if stride is None:
        stride = num_frames * step
    _check_positive("stride", stride)
    if max_side is not None:
        _check_positive("max_side", max_side)
    if not frames_per_second > 0:
        raise ValueError(
            "`frames_per_second` must be positive. "
            f"Received: frames_per_second={frames_per_second}"
        )
    import_video_library("scenedetect")
    if is_folder:
        reader = FolderReader(path, frames_per_second)
    else:
        reader = VideoReader(path)
    return _clips(reader, num_frames, stride, step, max_side)


def _every_frame(reader, every):
    for frame in reader.frames():
        if frame.number % every == 0:
            yield Frame(frame.number, frame.time, frame.image())
    if reader.error:
        raise reader.error


def _scene_frames(reader):
    scene = _Scene()
    for frame, starts in mark_scenes(reader.frames()):
        if starts and scene.count:
            yield scene.choose()
            scene = _Scene()
        scene.add(frame)
    if scene.count:
        yield scene.choose()
    if reader.error:
        raise reader.error


def _clips(reader, num_frames, stride, step, max_side):
    begun = collections.deque()
    for frame, starts in mark_scenes(reader.frames()):
        if starts:
            begun.clear()
            offset = 0
        if offset % stride == 0:
            begun.append((offset, frame.number, [], []))
        image = None
        for start, _, images, times in begun:
            if (offset - start) % step == 0:
                if image is None:
                    image = frame.image(max_side)
                images.append(image)
                times.append(frame.time)
        if begun and len(begun[0][2]) == num_frames:
            _, number, images, times = begun.popleft()
            yield Clip(number, np.stack(images), np.array(times))
        offset += 1
    if reader.error:
        raise reader.error


class _Scene:
    """Chooses a frame of a scene whose length is not known beforehand.

    The frames at multiples of `spacing` are kept; when they become too many,
    every second is dropped.
    """

    def __init__(self):
        self.count = 0
        self.spacing = 1
        self.candidates = []

    def add(self, frame):
        if self.count % self.spacing == 0:
            if len(self.candidates) == MAX_CANDIDATES:
                self.candidates = self.candidates[::2]
                self.spacing *= 2
            self.candidates.append((self.count, frame))
        self.count += 1

    def choose(self):
        middle = (self.count - 1) / 2

        def distance(candidate):
            return abs(candidate[0] - middle)

        inner = [c for c in self.candidates if distance(c) <= middle / 2]
        if len(inner) > 1:
            _, frame = max(inner, key=lambda c: (c[1].sharpness(), -c[0]))
        else:
            _, frame = min(self.candidates, key=distance)
        return Frame(frame.number, frame.time, frame.image())


def mark_scenes(frames):
    """Says of each frame whether a scene starts with it.

    A scene starts at a hard cut, behind missing frames, and where the size
    changes; so does the first frame.

    Args:
        frames: Iterable of `VideoFrame`, or of what has their `follows_gap`,
            `size` and `thumbnail`.

    Yields:
        Pairs of a frame and a boolean, some frames later than they come in.

    Raises:
        ImportError: If PySceneDetect is not installed.
    """
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
    """Feeds frames to PySceneDetect's adaptive detector.

    It judges a frame by the change before it, against the changes around.
    The first and last frame are therefore repeated, so that every frame has
    others around it.
    """

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


class VideoReader:
    """Decodes the video of a file from its start to its end.

    `error` is set when `frames` has come to its end: a `VideoError` if
    something of the video is damaged or missing, else `None`.

    Args:
        path: Path of the file.
    """

    def __init__(self, path):
        import_video_library("av")
        self.path = Path(path)
        self.error = None
        self.properties = None
        self.is_interlaced = False

    def frames(self):
        """Decodes frame by frame.

        Yields:
            `VideoFrame`.

        Raises:
            VideoError: If not one frame can be decoded.
        """
        av = import_video_library("av")
        missing = _what_is_missing(self.path)
        try:
            container = open_container(self.path)
        except av.FFmpegError as error:
            raise self._failure(error, missing) from error
        with container:
            stream = self._choose_stream(container, missing)
            # The same number of frames before a fault on every machine.
            stream.thread_type = "NONE"
            self.properties = _properties_of(container, stream)
            pictures = self._deinterlace(_decode(container, stream))
            frames = _good_frames(pictures, container, stream)
            count, first_damage = yield from frames
        problem = f": {missing}" if missing else ""
        if not count:
            raise VideoError(
                f"Not one frame of the video can be decoded{problem}. "
                f"Received: path={self.path}",
                "truncated" if missing else "unreadable",
            )
        if missing:
            self.error = VideoError(
                f"The video is cut off: {missing}. Received: path={self.path}",
                "truncated",
            )
        elif first_damage:
            self.error = VideoError(
                f"The video is damaged after frame {first_damage - 1}; what "
                "follows up to the next key frame is left out. "
                f"Received: path={self.path}",
                "unreadable",
            )

    def read_properties(self):
        """Reads the first frame, and what the file says.

        Returns:
            `VideoProperties`: `width` and `height` of the upright frames with
            square pixels; `frame_rate`, a fraction, the mean frames per
            second; `time_base`, a fraction of a second of which all time
            stamps are multiples; `num_frames` and `duration` (seconds) as
            the file says, or `None`; `changes`, a tuple of strings, what
            frames are put through to become 8-bit RGB that any display
            shows.

        Raises:
            VideoError: If not one frame can be decoded.
        """
        frames = self.frames()
        first = next(frames)
        frames.close()
        width, height = first.upright_size
        changes = self.properties.changes
        if self.is_interlaced:
            changes = (*changes, "interlaced frames are deinterlaced")
        return self.properties._replace(
            width=width, height=height, changes=changes
        )

    def _deinterlace(self, pictures):
        """Deinterlaces from the first interlaced picture on."""
        graph, kind = None, None
        for picture in pictures:
            new_kind = picture and (
                picture.width,
                picture.height,
                picture.format.name,
            )
            if graph is not None and new_kind != kind:
                yield from _drain(graph)
                graph = None
            if picture is None or (
                graph is None
                and (
                    not picture.interlaced_frame
                    or picture.height < MIN_INTERLACED_HEIGHT
                )
            ):
                yield picture
                continue
            if graph is None:
                self.is_interlaced = True
                graph, kind = _make_deinterlacer(picture), new_kind
            graph.push(picture)
            yield from _pull(graph)
        if graph is not None:
            yield from _drain(graph)

    def _choose_stream(self, container, missing):
        av = import_video_library("av")
        attached = av.stream.Disposition.attached_pic
        streams = [
            stream
            for stream in container.streams.video
            if not stream.disposition & attached
        ]
        if _NO_VIDEO_FORMATS.fullmatch(container.format.name):
            problem = f"holds no video but {container.format.long_name}"
        elif streams and streams[0].codec_context is not None:
            return streams[0]
        elif missing:
            raise VideoError(
                f"The video is cut off: {missing}. Received: path={self.path}",
                "truncated",
            )
        elif streams:
            raise VideoError(
                "The video is of a codec that FFmpeg cannot decode. "
                f"Received: path={self.path}",
                "unreadable",
            )
        else:
            problem = "has no video stream"
        raise VideoError(
            f"The file {problem}. Received: path={self.path}", "not a video"
        )

    def _failure(self, error, missing):
        with open(self.path, "rb") as file:
            head = file.read(12)
        if not head:
            problem, reason = "The file is empty", "unreadable"
        elif missing:
            problem, reason = f"The video is cut off: {missing}", "truncated"
        elif _container_of(head):
            problem = f"The video cannot be opened: {error.strerror}"
            reason = "unreadable"
        else:
            problem = "The file is not a video that FFmpeg can read"
            reason = "not a video"
        return VideoError(f"{problem}. Received: path={self.path}", reason)


def open_container(path):
    """Opens a media file that lies on this machine, and no other.

    Args:
        path: String or path.

    Returns:
        `av.container.InputContainer`.
    """
    av = import_video_library("av")
    # The prefix, so that no name is taken for an address; the option, so
    # that no file makes FFmpeg read another.
    return av.open(
        f"file:{os.path.abspath(path)}",
        container_options={"protocol_whitelist": "file"},
        metadata_errors="replace",
    )


def _properties_of(container, stream):
    context = stream.codec_context
    rate = stream.average_rate or stream.guessed_rate or DEFAULT_RATE
    duration = None
    if stream.duration:
        duration = float(stream.duration * stream.time_base)
    elif container.duration:
        duration = container.duration / 10**6
    num_frames = stream.frames or None
    time_base = stream.time_base or 1 / rate
    if num_frames is None and duration:
        num_frames = max(1, round(duration * rate))
    changes = []
    components = context.format.components if context.format else ()
    bits = max((part.bits for part in components), default=8)
    if bits > 8:
        changes.append(f"{bits}-bit colours are read as 8 bit")
    transfer = {PQ: "PQ", HLG: "HLG"}.get(int(context.color_trc))
    if transfer:
        changes.append(
            f"high dynamic range ({transfer}) is compressed to that of common "
            "displays"
        )
    elif needs_tone_mapping(context.color_trc, context.color_primaries):
        changes.append("colours of BT.2020 become those of BT.709")
    return VideoProperties(
        None,
        None,
        Fraction(rate),
        Fraction(time_base),
        num_frames,
        duration,
        tuple(changes),
    )


def _good_frames(pictures, container, stream):
    """Leaves out what is damaged, up to the next key frame.

    Yields:
        `VideoFrame`.

    Returns:
        How many there were, and the number of the first that is damaged.
    """
    start = Fraction(container.start_time or 0, 10**6)
    number, time, damage = 0, Fraction(0), None
    gap, waits_for_key = True, False
    for picture in pictures:
        if picture is None or picture.is_corrupt:
            # A recording may begin in the middle of a film; that its first
            # frames lack what they refer to is no damage.
            damage = damage or number
            gap = waits_for_key = True
            continue
        if waits_for_key and not picture.key_frame:
            continue
        waits_for_key = False
        if picture.pts is not None:
            time = picture.pts * picture.time_base - start
        elif number:
            time += 1 / (stream.average_rate or DEFAULT_RATE)
        yield VideoFrame(picture, stream, number, float(time), gap)
        gap = False
        number += 1
    return number, damage


def _decode(container, stream):
    """Yields decoded pictures, and `None` where something is damaged."""
    av = import_video_library("av")
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError:
            yield from _flush(stream)
            yield None
            return
        if packet is None:
            return
        try:
            pictures = packet.decode()
        except av.FFmpegError:
            yield from _flush(stream)
            yield None
        else:
            yield from pictures


def _make_deinterlacer(picture):
    av = import_video_library("av")
    graph = av.filter.Graph()
    first = graph.add_buffer(
        width=picture.width,
        height=picture.height,
        format=picture.format,
        time_base=picture.time_base,
    )
    middle, last = graph.add(*_DEINTERLACER), graph.add("buffersink")
    first.link_to(middle)
    middle.link_to(last)
    graph.configure()
    return graph


def _pull(graph):
    av = import_video_library("av")
    while True:
        try:
            yield graph.pull()
        except (av.BlockingIOError, av.EOFError):
            return


def _drain(graph):
    graph.push(None)
    yield from _pull(graph)


def _flush(stream):
    """The pictures that the decoder still holds to put them in order."""
    av = import_video_library("av")
    try:
        pictures = stream.decode(None)
        stream.codec_context.flush_buffers()
    except av.FFmpegError:
        return []
    for picture in pictures:
        # No packet has brought it along.
        picture.time_base = picture.time_base or stream.time_base
    return pictures


class VideoFrame:
    """A decoded frame, converted when it is asked for.

    Args:
        picture: `av.VideoFrame`.
        stream: `av.VideoStream`.
        number: Integer, counted from 0.
        time: Float, seconds since the start of the file.
        follows_gap: Boolean. Whether frames are missing before it.
    """

    def __init__(self, picture, stream, number, time, follows_gap):
        self.number = number
        self.time = time
        self.follows_gap = follows_gap
        self.picture = picture
        context = stream.codec_context
        self.kind = (int(context.color_trc), int(context.color_primaries))
        ratio = stream.sample_aspect_ratio or 1
        if not 1 / MAX_ASPECT_RATIO <= ratio <= MAX_ASPECT_RATIO:
            ratio = 1
        # Width and height with square pixels, before the frame is turned.
        self.size = (
            round(picture.width * max(ratio, 1)),
            round(picture.height / min(ratio, 1)),
        )

    @property
    def upright_size(self):
        """Width and height of `image()`, pixels."""
        return self.size[::-1] if self._is_turned() else self.size

    @property
    def duration(self):
        """How long the file says that it is shown, seconds, or `None`."""
        duration = getattr(self.picture, "duration", None)
        if not duration or self.picture.time_base is None:
            return None
        return float(duration * self.picture.time_base)

    def image(self, max_side=None):
        """The upright picture.

        Args:
            max_side: Integer or `None`. The longer side is reduced to it,
                pixels.

        Returns:
            Uint8 array `(height, width, 3)`, RGB in `[0, 255]`.
        """
        if any(part.is_alpha for part in self.picture.format.components):
            pixels = self._convert("rgba", *self.size)
            pixels = Image.fromarray(pixels)
            white = Image.new("RGBA", pixels.size, "white")
            pixels = np.asarray(Image.alpha_composite(white, pixels))
            pixels = pixels[..., :3]
        elif needs_tone_mapping(*self.kind):
            pixels = self._convert("rgb48le", *self.size)
            pixels = to_standard_range(pixels, *self.kind)
        else:
            pixels = self._convert("rgb24", *self.size)
        return _reduce(self._turn(pixels), max_side)

    def thumbnail(self):
        """The picture as PySceneDetect wants it, not turned.

        Returns:
            Uint8 array `(height, width, 3)`, BGR in `[0, 255]`.
        """
        return self._convert("bgr24", *_thumbnail_size(self.size))

    def sharpness(self):
        """The variance of the picture's Laplacian.

        Returns:
            Float.
        """
        cv2 = import_video_library("cv2")
        gray = self._convert("gray", self.picture.width, self.picture.height)
        return float(cv2.Laplacian(gray, cv2.CV_64F).var())

    def _convert(self, pixel_format, width, height):
        colorspace = int(self.picture.colorspace)
        if (
            colorspace == _UNSPECIFIED_COLORSPACE
            and self.picture.height > MAX_HEIGHT_OF_BT601
        ):
            colorspace = _BT709
        return self.picture.to_ndarray(
            format=pixel_format,
            width=width,
            height=height,
            interpolation=_INTERPOLATION,
            src_colorspace=colorspace,
            # Left out, it would be that of the source in older PyAV.
            dst_colorspace=_UNSPECIFIED_COLORSPACE,
        )

    def _matrix(self):
        # It maps a point (x, y) to (a x + c y, b x + d y); y points down.
        matrix = self.picture.side_data.get("DISPLAYMATRIX")
        if matrix is None:
            return 1, 0, 0, 1
        a, b, _, c, d = np.frombuffer(matrix, "<i4")[:5].astype("int64")
        return a, b, c, d

    def _is_turned(self):
        a, b, c, d = self._matrix()
        return abs(a) + abs(d) < abs(b) + abs(c)

    def _turn(self, pixels):
        a, b, c, d = self._matrix()
        x_sign, y_sign = a, d
        if self._is_turned():
            x_sign, y_sign = c, b
            pixels = pixels.swapaxes(0, 1)
        pixels = pixels[:: -1 if y_sign < 0 else 1, :: -1 if x_sign < 0 else 1]
        return np.ascontiguousarray(pixels)


class FolderReader:
    """Reads a folder of numbered images as `VideoReader` reads a video.

    Args:
        folder: Path.
        frames_per_second: Number > 0, the rate of the numbers.

    Raises:
        ValueError: If the folder holds no sequence.
    """

    def __init__(self, folder, frames_per_second):
        self.error = None
        self.frames_per_second = frames_per_second
        numbered = []
        for path in folder.iterdir():
            name = re.fullmatch(r"(.*?)(\d+)", path.stem)
            if path.suffix.lower() in SUFFIXES and name:
                numbered.append((name[1], int(name[2]), path))
        numbered.sort()
        if not numbered:
            raise ValueError(
                "The folder holds no numbered images, such as "
                f"frame_0001.png. Received: path={folder}"
            )
        if numbered[0][0] != numbered[-1][0]:
            raise ValueError(
                "Expected the images of one sequence in a folder, all named "
                f"alike up to their numbers; found {numbered[0][2].name} and "
                f"{numbered[-1][2].name}. Received: path={folder}"
            )
        self.numbers = [number for _, number, _ in numbered]
        self.paths = [path for _, _, path in numbered]
        for place, number in enumerate(self.numbers[1:], start=1):
            if number == self.numbers[place - 1]:
                raise ValueError(
                    f"Two images have the number {number}: "
                    f"{self.paths[place - 1].name} and "
                    f"{self.paths[place].name}. Received: path={folder}"
                )

    def frames(self):
        """Reads image by image.

        Yields:
            Frames as `VideoFrame`, with `image` and `thumbnail`.

        Raises:
            ImageError: If an image cannot be read.
        """
        spacings = np.diff(self.numbers)
        gaps = [
            True,
            *(spacings > spacings.min(initial=spacings.max(initial=1))),
        ]
        for number, path, gap in zip(self.numbers, self.paths, gaps):
            time = (number - self.numbers[0]) / self.frames_per_second
            yield ArrayFrame(read_image(path), number, time, gap)


class ArrayFrame:
    """A frame that is an array already, as `VideoFrame`.

    Args:
        pixels: Uint8 array `(height, width, 3)`, RGB in `[0, 255]`.
        number: Integer.
        time: Float, seconds.
        follows_gap: Boolean. Whether frames are missing before it. Defaults
            to `False`.
        duration: Float, seconds, or `None`, the default.
    """

    def __init__(self, pixels, number, time, follows_gap=False, duration=None):
        self.number = number
        self.time = time
        self.follows_gap = follows_gap
        self.duration = duration
        self.pixels = pixels
        self.size = self.upright_size = pixels.shape[1::-1]

    def image(self, max_side=None):
        """See `VideoFrame`.

        Args:
            max_side: Integer or `None`, pixels.

        Returns:
            Uint8 array `(height, width, 3)`, RGB in `[0, 255]`.
        """
        return _reduce(self.pixels, max_side)

    def thumbnail(self):
        """See `VideoFrame`.

        Returns:
            Uint8 array `(height, width, 3)`, BGR in `[0, 255]`.
        """
        size = _thumbnail_size(self.size)
        small = Image.fromarray(self.pixels).resize(
            size, Image.Resampling.BILINEAR
        )
        return np.ascontiguousarray(np.asarray(small)[..., ::-1])


def _thumbnail_size(size):
    scale = min(1.0, THUMBNAIL_SIDE / max(size))
    return tuple(max(1, round(side * scale)) for side in size)


def _reduce(pixels, max_side):
    height, width = pixels.shape[:2]
    if max_side is None or max(height, width) <= max_side:
        return pixels
    size = fitted_size((width, height), max_side)
    reduced = Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS)
    return np.asarray(reduced)


def _container_of(head):
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"skip", b"free"):
        return "mp4"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "avi"
    if head[:4] == b"\x1aE\xdf\xa3":
        return "matroska"
    if head[:4] == b"GIF8":
        return "gif"
    return None


def _what_is_missing(path):
    """What a video file lacks by the sizes that it states.

    Args:
        path: Path of the file.

    Returns:
        String, or `None` if nothing is missing or the file does not say.
    """
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        kind = _container_of(file.read(12))
        if kind == "mp4":
            return _what_mp4_misses(file, size)
        if kind == "avi":
            end = _end_of_avi(file, size)
        elif kind == "matroska":
            end = _end_of_matroska(file)
        elif kind == "gif":
            file.seek(-min(size, 64), os.SEEK_END)
            ended = file.read().rstrip(b"\0").endswith(b";")
            return None if ended else "it has no end mark"
        else:
            return None
    return _shortage(end, size)


def _shortage(end, size):
    if end <= size:
        return None
    return f"it has {size} of the {end} bytes that it states"


def _what_mp4_misses(file, size):
    position, kinds = 0, set()
    while position + 8 <= size:
        file.seek(position)
        head = file.read(16)
        length, kind = int.from_bytes(head[:4], "big"), head[4:8]
        if not kind.isalnum():
            break
        kinds.add(kind)
        if length == 0:
            break
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        if length < 8:
            break
        if position + length > size and kind in (b"mdat", b"moov", b"moof"):
            return _shortage(position + length, size)
        position += length
    return None if b"moov" in kinds else "its table of contents is missing"


def _end_of_avi(file, size):
    position = end = 0
    while position + 8 <= size:
        file.seek(position)
        head = file.read(8)
        length = int.from_bytes(head[4:8], "little")
        # Not filled in by a recording that was broken off, or streamed.
        if head[:4] != b"RIFF" or length in (0, 2**32 - 1):
            break
        end = position + 8 + length
        position = end + length % 2
    return end


def _end_of_matroska(file):
    file.seek(4)
    header, _ = _read_matroska_size(file)
    file.seek(header or 0, os.SEEK_CUR)
    if file.read(4) != b"\x18S\x80g":
        return 0
    segment, known = _read_matroska_size(file)
    return file.tell() + segment if known else 0


def _read_matroska_size(file):
    first = file.read(1)
    if not first or not first[0]:
        return 0, False
    num_more = 8 - first[0].bit_length()
    value = first[0] & (2 ** (7 - num_more) - 1)
    value = (value << (8 * num_more)) | int.from_bytes(
        file.read(num_more), "big"
    )
    # All ones: unknown, as in a live recording.
    return value, value != 2 ** (7 * (num_more + 1)) - 1


def import_video_library(name):
    """Imports what only videos need.

    Args:
        name: String, such as `"av"`.

    Returns:
        The module.

    Raises:
        ImportError: If it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f"Videos need `{name}`, which cannot be imported ({error}). "
            "Install it with `pip install keras-comic[video]`."
        ) from error


def _check_file(path):
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"There is no such file. Received: path={path}")
    if path.is_dir():
        raise ValueError(
            f"Expected a video file, not a folder. Received: path={path}"
        )
    return path


def _check_positive(name, value):
    if not isinstance(value, (int, np.integer)) or not value > 0:
        raise ValueError(
            f"`{name}` must be a positive integer. Received: {name}={value}"
        )
