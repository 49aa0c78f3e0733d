"""Carries what a video file holds beside its frames into another file."""

import contextlib
import math
from fractions import Fraction

from keras_comic.data.video_library import import_video_library
from keras_comic.data.video_reader import open_container
from keras_comic.data.video_reader import video_streams

# Container: the codecs of sound that players expect in it, `None` for all
# that FFmpeg puts there, and the encoder for all others.
SOUND = {
    "matroska": (None, "aac"),
    "mov": (
        ("aac", "ac3", "alac", "eac3", "mp3", "pcm_s16be", "pcm_s16le")
        + ("pcm_s24be", "pcm_s24le"),
        "aac",
    ),
    "mp4": (("aac", "ac3", "alac", "eac3", "flac", "mp3", "opus"), "aac"),
    "mpegts": (("aac", "ac3", "eac3", "mp2", "mp3", "opus"), "aac"),
    "webm": (("opus", "vorbis"), "libopus"),
}
# The same of subtitles; what is text becomes what the encoder writes.
SUBTITLES = {
    "matroska": (
        ("ass", "dvb_subtitle", "dvd_subtitle", "hdmv_pgs_subtitle", "ssa")
        + ("subrip", "webvtt"),
        "ass",
    ),
    "mov": (("mov_text",), "mov_text"),
    "mp4": (("mov_text",), "mov_text"),
    "mpegts": (("dvb_subtitle", "dvb_teletext"), None),
    "webm": (("webvtt",), "webvtt"),
}
# Bits per second and channel of the converted sound.
BIT_RATE = 96_000
# Layouts for files that state only the number of channels.
LAYOUTS = {1: "mono", 2: "stereo", 4: "quad", 6: "5.1", 8: "7.1"}
COMMON_RATES = (48_000, 44_100, 32_000, 24_000, 16_000)
# What each container says of itself, and not of the film.
TECHNICAL = frozenset(
    "major_brand minor_version compatible_brands encoder duration".split()
)
# Where a film was made is left out on purpose.
PLACES = ("location", "gps", "xyz")
NAMES = ("language", "title")


class Tracks:
    """Sound, subtitles, chapters, attachments and titles of a video file.

    `report` says of each stream if it was copied, converted or left out, and
    names what else the other file does not hold.
    """

    def __init__(self, path, end=None, sound=True):
        self.path = path
        self.end = math.inf if end is None else end
        self.sound = sound
        self.report = []
        self.lost = []
        self.tracks = {}
        self.source = self.container = self.packets = self.next = None

    def begin(self, container, name, video):
        """Adds all that a container takes, `video` being its own stream."""
        self.source, self.container = open_container(self.path), container
        self.start = Fraction(self.source.start_time or 0, 10**6)
        main, *_ = video_streams(self.source)
        _name(main, video)
        for stream in self._streams():
            with contextlib.suppress(_NotTakenError, ValueError):
                if stream.type == "attachment":
                    if name != "matroska":
                        raise _NotTakenError
                    self.container.add_attachment(
                        stream.name, stream.mimetype, stream.data
                    )
                    self.report.append(f"{_describe(stream)}, copied")
                    continue
                track = _Track(stream, container, name, self.start)
                self.tracks[stream.index] = track
                self.report.append(f"{_describe(stream)}, {track.done}")
                continue
            self.lost.append(_describe(stream))
        container.metadata.update(
            {
                key: value
                for key, value in self.source.metadata.items()
                if key.lower() not in TECHNICAL and not _is_place(key)
            }
        )
        container.set_chapters(self._chapters())
        self.packets = self._read()

    def write_until(self, time):
        """Writes the packets up to a time, seconds; all of them for `None`."""
        while True:
            if self.next is None:
                self.next = next(self.packets, None)
            if self.next is None:
                return
            if time is not None and self.next[0] > time:
                return
            self.container.mux_one(self.next[1])
            self.next = None

    def finish(self, path=None):
        """Compares what a file holds with the source, and completes `report`.

        A path of `None` is of a file that holds nothing but frames.
        """
        if path is None:
            self.source = open_container(self.path)
        with self.source as source:
            if path is None:
                self.lost += [_describe(stream) for stream in self._streams()]
                self.lost += ["chapters"] if source.chapters() else []
            else:
                with open_container(path) as target:
                    self._compare(source, target)
        if self.lost:
            self.report.append(f"left out: {', '.join(self.lost)}")

    def _streams(self):
        """Lists the streams to carry over."""
        main, *_ = video_streams(self.source)
        return [
            stream
            for stream in self.source.streams
            if stream.index != main.index
            and (self.sound or stream.type != "audio")
            # MP4 keeps the titles of chapters as a stream.
            and not (stream.type == "data" and self.source.chapters())
        ]

    def _chapters(self):
        chapters = []
        for chapter in self.source.chapters():
            tick = chapter["time_base"]
            if chapter["start"] * tick - self.start < self.end:
                times = {
                    key: chapter[key] - round(self.start / tick)
                    for key in ("start", "end")
                }
                chapters.append({**chapter, **times})
        return chapters

    def _compare(self, source, target):
        for index, track in self.tracks.items():
            stream = source.streams[index]
            copy = target.streams[track.target.index]
            for key in NAMES:
                value = stream.metadata.get(key, "und")
                names = ("und", *copy.metadata.values())
                if value not in names:
                    self.lost.append(f"{key} of {_describe(stream)}")
            alike = [s for s in source.streams if s.type == stream.type]
            if len(alike) > 1 and _is_default(stream) > _is_default(copy):
                self.lost.append(f"default mark of {_describe(stream)}")
        if len(target.chapters()) < len(self._chapters()):
            self.lost.append("chapters")
        kept = {key.lower(): value for key, value in target.metadata.items()}
        for key, value in source.metadata.items():
            key = key.lower()
            if _is_place(key):
                self.lost.append(f"{key} (on purpose)")
            elif key not in (*kept, *TECHNICAL) or (
                key == "comment" and kept["comment"] != value
            ):
                self.lost.append(key)

    def _read(self):
        """Yields times and packets."""
        av = import_video_library("av")
        ended, tracks = set(), self.tracks
        packets = self.source.demux(
            [self.source.streams[index] for index in tracks]
        )
        while len(ended) < len(tracks):
            try:
                packet = next(packets, None)
            except av.FFmpegError:
                # The file is damaged: the sound ends here.
                break
            if packet is None:
                break
            index = packet.stream.index
            if packet.dts is None or index in ended:
                continue
            track = tracks[index]
            if packet.dts * packet.time_base - track.start >= self.end:
                ended.add(index)
                continue
            yield from track.feed(packet)
        for track in tracks.values():
            yield from track.finish()


class _NotTakenError(Exception):
    """The container does not take a stream."""


class _Track:
    """A stream of sound or subtitles, as it is or encoded anew."""

    def __init__(self, stream, container, name, start):
        context, self.start = stream.codec_context, start
        kinds = {"audio": SOUND, "subtitle": SUBTITLES}
        if context is None or stream.type not in kinds:
            raise _NotTakenError
        allowed, encoder = kinds[stream.type][name]
        self.convert, self.done = None, "copied"
        if allowed is None or context.codec.canonical_name in allowed:
            # FFmpeg may not put this codec there.
            with contextlib.suppress(ValueError):
                self.target = container.add_stream_from_template(stream)
                _name(stream, self.target)
                return
        if stream.type == "audio" and context.rate:
            self.target = _sound_stream(context, container, encoder)
            self.convert = self._convert_sound
        elif stream.type == "subtitle" and encoder and context.codec.text_sub:
            context.open(strict=False)
            self.target = container.add_stream(encoder)
            self.target.codec_context.subtitle_header = context.subtitle_header
            self.convert = self._convert_text
        else:
            raise _NotTakenError
        _name(stream, self.target)
        self.done = (
            f"converted to {self.target.codec_context.codec.canonical_name}"
        )

    def feed(self, packet):
        """Yields times and packets from a packet of the source."""
        if self.convert is not None:
            # A damaged packet is silence.
            with contextlib.suppress(import_video_library("av").FFmpegError):
                yield from self.convert(packet)
            return
        offset = round(self.start / packet.time_base)
        packet.dts -= offset
        if packet.pts is not None:
            packet.pts -= offset
        packet.stream = self.target
        yield float(packet.dts * packet.time_base), packet

    def finish(self):
        """Yields what the encoder still held."""
        is_sound = self.convert == self._convert_sound
        return self._encode(None) if is_sound else ()

    def _convert_sound(self, packet):
        for frame in packet.decode():
            if frame.pts is not None:
                frame.pts -= round(self.start / frame.time_base)
            # The encoder converts rate, layout and format itself.
            yield from self._encode(frame)

    def _encode(self, frame):
        for packet in self.target.encode(frame):
            yield float(packet.dts * packet.time_base), packet

    def _convert_text(self, packet):
        text = packet.stream.codec_context.decode2(packet)
        if text is None:
            return
        copy = self.target.codec_context.encode_subtitle(text)
        copy.pts = copy.dts = packet.pts - round(self.start / packet.time_base)
        copy.duration, copy.time_base = packet.duration, packet.time_base
        copy.stream = self.target
        yield float(copy.dts * copy.time_base), copy


def _sound_stream(context, container, encoder):
    """Adds a stream for sound that is encoded anew."""
    av = import_video_library("av")
    rates = av.codec.Codec(encoder, "w").audio_rates or COMMON_RATES
    rate = context.rate if context.rate in rates else max(COMMON_RATES)
    channels = context.layout.nb_channels
    layout = context.layout.name
    if layout.endswith("channels"):
        layout = LAYOUTS.get(channels, "stereo")
    stream = container.add_stream(encoder, rate=rate)
    target = stream.codec_context
    target.layout = layout
    target.bit_rate = BIT_RATE * channels
    target.open(strict=False)
    return stream


def _name(stream, target):
    """Gives a stream the language, title and marks of another."""
    for key in NAMES:
        if key in stream.metadata:
            target.metadata[key] = stream.metadata[key]
    if (
        target.container.format.name in ("mov", "mp4")
        and "title" in target.metadata
    ):
        # What players show as the title.
        target.metadata["handler_name"] = target.metadata["title"]
    target.disposition = stream.disposition


def _describe(stream):
    if stream.type == "attachment":
        return f"attachment {stream.name}"
    context = stream.codec_context
    text = stream.type if context is None else context.codec.canonical_name
    if stream.type == "video":
        is_cover = stream.disposition & _dispositions().attached_pic
        text = f"{'cover' if is_cover else 'second video'} {text}"
    language = stream.metadata.get("language", "und")
    return text if language == "und" else f"{text} ({language})"


def _is_default(stream):
    return bool(stream.disposition & _dispositions().default)


def _dispositions():
    return import_video_library("av").stream.Disposition


def _is_place(key):
    return any(word in key.lower() for word in PLACES)
