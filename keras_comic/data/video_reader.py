"""Decoding a video file from its start to its end."""

import collections
import os
import re
from fractions import Fraction
from pathlib import Path

from keras_comic.data.tone_mapping import HLG
from keras_comic.data.tone_mapping import PQ
from keras_comic.data.tone_mapping import needs_tone_mapping
from keras_comic.data.truncated_video import container_of
from keras_comic.data.truncated_video import what_is_missing
from keras_comic.data.video_frame import VideoFrame
from keras_comic.data.video_library import import_video_library

# Of a video that does not say it, frames per second.
DEFAULT_RATE = Fraction(25)
# What needs fewer rows than the deinterlacer is left as it is, pixels.
MIN_INTERLACED_HEIGHT = 16

# Demuxers of still pictures, text and playlists, which are no videos (or
# which read other files than the one named).
_NO_VIDEO_FORMATS = re.compile(
    r"image2|.*_pipe|tty|ico|hls|dash|concat|sdp|rtsp"
)
# A frame out for each frame in, those that are not interlaced unchanged.
_DEINTERLACER = ("bwdif", "mode=send_frame:parity=auto:deint=interlaced")

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


class VideoReader:
    """Decodes the video of a file from its start to its end."""

    def __init__(self, path):
        import_video_library("av")
        self.path = Path(path)
        self.error = None
        self.properties = None
        self.is_interlaced = False

    def frames(self):
        """Decodes frame by frame."""
        av = import_video_library("av")
        missing = what_is_missing(self.path)
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
        """Reads the first frame, and what the file says."""
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
        elif container_of(head):
            problem = f"The video cannot be opened: {error.strerror}"
            reason = "unreadable"
        else:
            problem = "The file is not a video that FFmpeg can read"
            reason = "not a video"
        return VideoError(f"{problem}. Received: path={self.path}", reason)


def open_container(path):
    """Opens a media file that lies on this machine, and no other."""
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
    """Leaves out what is damaged, up to the next key frame."""
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
