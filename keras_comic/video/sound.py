"""Carries the sound of one video file into another, as it is where it can."""

import math
from fractions import Fraction

from keras_comic.data.video_library import import_video_library
from keras_comic.data.video_reader import open_container

# Container: the codecs that players expect in it, `None` for all that FFmpeg
# puts there, and the encoder of what is converted.
CODECS = {
    "asf": (("mp3", "wmav1", "wmav2"), "wmav2"),
    "avi": (("ac3", "mp2", "mp3", "pcm_s16le", "pcm_u8"), "libmp3lame"),
    "flv": (("aac", "mp3"), "aac"),
    "matroska": (None, "aac"),
    "mov": (
        ("aac", "ac3", "alac", "eac3", "mp3", "pcm_s16be", "pcm_s16le")
        + ("pcm_s24be", "pcm_s24le"),
        "aac",
    ),
    "mp4": (
        ("aac", "ac3", "alac", "eac3", "flac", "mp3", "opus"),
        "aac",
    ),
    "mpeg": (("ac3", "mp2"), "mp2"),
    "mpegts": (("aac", "ac3", "eac3", "mp2", "mp3", "opus"), "aac"),
    "webm": (("opus", "vorbis"), "libopus"),
}
# Encoders of at most two channels.
STEREO = ("libmp3lame", "mp2", "wmav2")
# Bits per second and channel of what is converted.
BIT_RATE = 96_000
# What so many channels are taken for.
LAYOUTS = {1: "mono", 2: "stereo", 4: "quad", 6: "5.1", 8: "7.1"}
# Of formats in which nothing comes before the start: an encoder's first
# packets, which only fill it, are left out, so that they delay no frame.
WITHOUT_NEGATIVE_TIMES = ("avi",)
COMMON_RATES = (48_000, 44_100, 32_000, 24_000, 16_000)


class Sound:
    """The sound of a video file."""

    def __init__(self, path, end=None):
        self.path = path
        self.end = end
        self.report = []

    def copy_to(self, container, name):
        """Begins to carry the sound over."""
        source = open_container(self.path)
        streams = [
            stream
            for stream in source.streams.audio
            if stream.codec_context is not None and stream.codec_context.rate
        ]
        if not streams:
            source.close()
            return None
        start = Fraction(source.start_time or 0, 10**6)
        tracks = {}
        self.report = []
        for stream in streams:
            track = make_track(stream, container, name, start)
            self.report.append(track.report)
            tracks[stream.index] = track
        earliest = 0.0 if name in WITHOUT_NEGATIVE_TIMES else -math.inf
        end = math.inf if self.end is None else self.end
        return SoundWriter(source, tracks, container, (earliest, end))


def make_track(stream, container, name, start):
    """Adds a stream of sound to a file."""
    allowed, encoder = CODECS[name]
    codec = stream.codec_context.codec.canonical_name
    if allowed is None or codec in allowed:
        try:
            return CopiedTrack(
                stream, container.add_stream_from_template(stream), start
            )
        except ValueError:
            # FFmpeg does not put it there.
            pass
    return ConvertedTrack(stream, container, encoder, start)


class SoundWriter:
    """Writes sound between frames."""

    def __init__(self, source, tracks, container, span):
        self.source = source
        self.container = container
        self.packets = self._read(tracks, span)
        self.next = None

    def write_until(self, time):
        """Writes what is heard up to a time."""
        while True:
            if self.next is None:
                self.next = next(self.packets, None)
            if self.next is None:
                self.source.close()
                return
            if time is not None and self.next[0] > time:
                return
            self.container.mux_one(self.next[1])
            self.next = None

    def _read(self, tracks, span):
        for time, packet in self._convert(tracks, span[1]):
            if time >= span[0]:
                yield time, packet

    def _convert(self, tracks, end):
        av = import_video_library("av")
        ended = set()
        streams = [self.source.streams[index] for index in tracks]
        packets = self.source.demux(streams)
        while len(ended) < len(tracks):
            try:
                packet = next(packets, None)
            except av.FFmpegError:
                # Damaged: what is there has been carried over.
                packet = None
            if packet is None:
                break
            index = packet.stream.index
            if packet.dts is None or index in ended:
                continue
            track = tracks[index]
            if track.time_of(packet) >= end:
                ended.add(index)
                continue
            yield from track.feed(packet)
        for track in tracks.values():
            yield from track.finish()


class CopiedTrack:
    """Sound that stays as it is."""

    def __init__(self, stream, target, start):
        self.target = target
        self.start = start
        self.report = f"{stream.codec_context.codec.canonical_name}, copied"

    def time_of(self, packet):
        """When a packet is heard."""
        return float(packet.dts * packet.time_base - self.start)

    def feed(self, packet):
        """Takes a packet of the source."""
        time = self.time_of(packet)
        offset = round(self.start / packet.time_base)
        packet.dts -= offset
        if packet.pts is not None:
            packet.pts -= offset
        packet.stream = self.target
        yield time, packet

    def finish(self):
        """Ends the track."""
        return []


class ConvertedTrack:
    """Sound that is encoded anew."""

    def __init__(self, stream, container, encoder, start):
        av = import_video_library("av")
        context = stream.codec_context
        rates = av.codec.Codec(encoder, "w").audio_rates or COMMON_RATES
        rate = context.rate if context.rate in rates else max(COMMON_RATES)
        channels = context.layout.nb_channels
        layout = context.layout.name
        if layout.endswith("channels"):
            # The file does not say which they are.
            layout = LAYOUTS.get(channels, "stereo")
        if encoder in STEREO and channels > 2:
            layout, channels = "stereo", 2
        self.start = start
        self.target = container.add_stream(encoder, rate=rate)
        target = self.target.codec_context
        target.layout = layout
        target.bit_rate = BIT_RATE * channels
        target.open(strict=False)
        self.resampler = av.AudioResampler(
            format=target.format,
            layout=target.layout,
            rate=target.rate,
            frame_size=target.frame_size or None,
        )
        self.report = (
            f"{context.codec.canonical_name}, converted to "
            f"{target.codec.canonical_name}"
        )

    def time_of(self, packet):
        """When a packet is heard."""
        return float(packet.dts * packet.time_base - self.start)

    def feed(self, packet):
        """Takes a packet of the source."""
        av = import_video_library("av")
        try:
            frames = packet.decode()
        except av.FFmpegError:
            # A damaged packet is silence.
            return
        for frame in frames:
            if frame.pts is not None:
                frame.pts -= round(self.start / frame.time_base)
            yield from self._encode(self.resampler.resample(frame))

    def finish(self):
        """Ends the track."""
        yield from self._encode(self.resampler.resample(None))
        yield from self._encode([None])

    def _encode(self, frames):
        for frame in frames:
            for packet in self.target.encode(frame):
                yield float(packet.dts * packet.time_base), packet
