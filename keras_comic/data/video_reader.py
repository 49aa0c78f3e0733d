"""Decodes a video file from its start to its end."""

import collections
import os
import re
from fractions import Fraction
from pathlib import Path

from keras_comic.data.tone_mapping import HLG
from keras_comic.data.tone_mapping import PQ
from keras_comic.data.tone_mapping import needs_tone_mapping
from keras_comic.data.video_frame import VideoFrame
from keras_comic.data.video_library import import_video_library

# Frames per second of a video that does not state them.
DEFAULT_RATE = Fraction(25)
# Pixels; what has fewer rows than the deinterlacer needs is left as it is.
MIN_INTERLACED_HEIGHT = 16
# Bytes at the start of MP4 and QuickTime files, behind the first length.
MP4_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"skip", b"free")

# Demuxers of still pictures, text and playlists, which are no videos (or
# which read other files than the one named).
_NO_VIDEO_FORMATS = re.compile(
    r"image2|.*_pipe|tty|ico|hls|dash|concat|sdp|rtsp"
)
# A frame out for each frame in, those that are not interlaced unchanged.
_DEINTERLACER = ("bwdif", "mode=send_frame:parity=auto:deint=interlaced")

VideoProperties = collections.namedtuple(
    "VideoProperties",
    "width height frame_rate time_base num_frames duration changes",
)


class VideoError(ValueError):
    """A video that cannot be read, or not to its end.

    Args:
        message: String. What is wrong, and with which file.
        reason: String: `"unreadable"`, `"not a video"`, `"truncated"`, or
            `"changed"` (while it was read).
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
        try:
            container = open_container(self.path)
        except av.FFmpegError as error:
            raise self._explain(error) from error
        with container:
            stream = self._choose_stream(container)
            # The same number of frames before a fault on every machine.
            stream.thread_type = "NONE"
            self.properties = _properties_of(container, stream)
            pictures = self._deinterlace(_decode(container, stream))
            end = yield from _good_frames(pictures, container, stream)
            missing = _missing_seconds(container, stream, end)
        if not end.count:
            self._fail(
                "Not one frame of the video can be decoded",
                "truncated" if missing else "unreadable",
            )
        if missing:
            self.error = self._error(
                f"The video is cut off: its last {missing:.1f} seconds are "
                "missing",
                "truncated",
            )
        elif end.damage:
            self.error = self._error(
                f"The video is damaged after frame {end.damage - 1}; what "
                "follows up to the next key frame is left out"
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

    def _error(self, problem, reason="unreadable"):
        return VideoError(f"{problem}. Received: path={self.path}", reason)

    def _fail(self, problem, reason="unreadable"):
        raise self._error(problem, reason)

    def _explain(self, error):
        with open(self.path, "rb") as file:
            head = file.read(12)
        if not head:
            return self._error("The file is empty")
        if head[4:8] in MP4_BOXES:
            return self._error(
                "The video is cut off, or damaged: its table of contents is "
                f"missing ({error.strerror})",
                "truncated",
            )
        if head[:4] in (b"RIFF", b"\x1aE\xdf\xa3", b"GIF8"):
            return self._error(f"The video cannot be opened: {error.strerror}")
        return self._error(
            "The file is not a video that FFmpeg can read", "not a video"
        )

    def _choose_stream(self, container):
        if _NO_VIDEO_FORMATS.fullmatch(container.format.name):
            self._fail(
                f"The file holds no video but {container.format.long_name}",
                "not a video",
            )
        streams = video_streams(container)
        if not container.streams:
            self._fail(
                "The video is cut off, or damaged: it lists no streams",
                "truncated",
            )
        if not streams:
            self._fail("The file has no video stream", "not a video")
        if streams[0].codec_context is None:
            self._fail("The video is of a codec that FFmpeg cannot decode")
        return streams[0]

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
                yield from _pull(graph, None)
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
            yield from _pull(graph, picture)
        if graph is not None:
            yield from _pull(graph, None)


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


def video_streams(container):
    """Lists the streams of frames, those first that players show.

    That is the default one, and of several the largest. Covers and still
    pictures are none.
    """
    marks = import_video_library("av").stream.Disposition
    if _NO_VIDEO_FORMATS.fullmatch(container.format.name):
        return []

    def rank(stream):
        context = stream.codec_context
        pixels = context.width * context.height if context else 0
        return bool(stream.disposition & marks.default), pixels

    covers = marks.attached_pic
    found = [s for s in container.streams.video if not s.disposition & covers]
    return sorted(found, key=rank, reverse=True)


def _properties_of(container, stream):
    context = stream.codec_context
    rate = stream.average_rate or stream.guessed_rate or DEFAULT_RATE
    start = (container.start_time or 0) / 10**6
    duration = _stated_end(stream, start)
    if duration is None and container.duration:
        # That of the longest stream.
        duration = container.duration / 10**6
    num_frames = stream.frames or None
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
        Fraction(stream.time_base or 1 / rate),
        num_frames,
        duration,
        tuple(changes),
    )


# Where decoding ended: the number of frames, the end of the last one in
# seconds, and the number of the first frame behind a damage, or `None`.
_End = collections.namedtuple("_End", "count seconds damage")


def _good_frames(pictures, container, stream):
    """Leaves out what is damaged, up to the next key frame."""
    start = Fraction(container.start_time or 0, 10**6)
    rate = stream.average_rate or DEFAULT_RATE
    number, time, end, damage = 0, Fraction(0), 0.0, None
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
            time += 1 / rate
        frame = VideoFrame(picture, stream, number, float(time), gap)
        end = frame.time + (frame.duration or float(1 / rate))
        yield frame
        gap = False
        number += 1
    return _End(number, end, damage)


def _stated_end(stream, start):
    """Returns when the frames end by what a stream states, or `None`."""
    stated = re.fullmatch(
        r"(\d+):(\d\d):(\d\d\.\d+)", stream.metadata.get("DURATION", "")
    )
    if stream.duration and stream.time_base:
        begin = float((stream.start_time or 0) * stream.time_base) - start
        return begin + float(stream.duration * stream.time_base)
    if stated:
        # As FFmpeg writes it into Matroska and WebM files.
        hours, minutes, seconds = map(float, stated.groups())
        return 3600 * hours + 60 * minutes + seconds - start
    return None


def _missing_seconds(container, stream, end):
    """Returns by how much the video is shorter than stated, or 0."""
    stated = _stated_end(stream, (container.start_time or 0) / 10**6)
    if stated is None:
        return 0
    # Durations are stated inexactly.
    missing = stated - end.seconds
    return missing if missing > 1.5 / (stream.average_rate or 25) else 0


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
    source = graph.add_buffer(
        width=picture.width,
        height=picture.height,
        format=picture.format,
        time_base=picture.time_base,
    )
    graph.link_nodes(
        source, graph.add(*_DEINTERLACER), graph.add("buffersink")
    ).configure()
    return graph


def _pull(graph, picture):
    """Pushes a picture, or `None` at the end, and yields what comes out."""
    av = import_video_library("av")
    graph.push(picture)
    while True:
        try:
            yield graph.pull()
        except (av.BlockingIOError, av.EOFError):
            return


def _flush(stream):
    """Returns the pictures that the decoder still holds to order them."""
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
