"""Carries the sound of one video file into another, as it is if possible."""

import math
from fractions import Fraction

from keras_comic.data.video_library import import_video_library
from keras_comic.data.video_reader import open_container

# Container: the codecs that players expect in it, `None` for all that FFmpeg
# puts there, and the encoder for all others.
CODECS = {
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
# Bits per second and channel of the converted sound.
BIT_RATE = 96_000
# Layouts for files that state only the number of channels.
LAYOUTS = {1: "mono", 2: "stereo", 4: "quad", 6: "5.1", 8: "7.1"}
COMMON_RATES = (48_000, 44_100, 32_000, 24_000, 16_000)


class Sound:
    """The sound of a video file, which goes into another file.

    `report` states for each stream if it was copied or converted.
    """

    def __init__(self, path, end=None):
        self.path = path
        self.end = math.inf if end is None else end
        self.report = []
        self.source = self.container = self.packets = self.next = None

    def begin(self, container, name):
        """Adds the streams to a file; `False` if there is no sound."""
        self.source = open_container(self.path)
        streams = [
            stream
            for stream in self.source.streams.audio
            if stream.codec_context is not None and stream.codec_context.rate
        ]
        start = Fraction(self.source.start_time or 0, 10**6)
        tracks = {
            stream.index: _make_track(stream, container, name, start)
            for stream in streams
        }
        self.report = [track.report for track in tracks.values()]
        self.container = container
        self.packets = self._read(tracks)
        if not tracks:
            self.source.close()
        return bool(tracks)

    def write_until(self, time):
        """Writes the packets up to a time, seconds; all of them for `None`."""
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

    def _read(self, tracks):
        """Yields times and packets."""
        av = import_video_library("av")
        ended = set()
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


def _make_track(stream, container, name, start):
    """Adds a stream of sound to a file."""
    allowed, encoder = CODECS[name]
    codec = stream.codec_context.codec.canonical_name
    if allowed is None or codec in allowed:
        try:
            target = container.add_stream_from_template(stream)
            return _CopiedTrack(stream, target, start)
        except ValueError:
            # FFmpeg does not put this codec there.
            pass
    return _ConvertedTrack(stream, container, encoder, start)


class _CopiedTrack:
    """Sound that stays as it is."""

    def __init__(self, stream, target, start):
        self.target = target
        self.start = start
        self.report = f"{stream.codec_context.codec.canonical_name}, copied"

    def feed(self, packet):
        """Takes a packet of the source."""
        offset = round(self.start / packet.time_base)
        packet.dts -= offset
        if packet.pts is not None:
            packet.pts -= offset
        packet.stream = self.target
        yield float(packet.dts * packet.time_base), packet

    def finish(self):
        """Ends the track."""
        return []


class _ConvertedTrack:
    """Sound that is encoded anew."""

    def __init__(self, stream, container, encoder, start):
        av = import_video_library("av")
        context = stream.codec_context
        rates = av.codec.Codec(encoder, "w").audio_rates or COMMON_RATES
        rate = context.rate if context.rate in rates else max(COMMON_RATES)
        layout = context.layout.name
        if layout.endswith("channels"):
            layout = LAYOUTS.get(context.layout.nb_channels, "stereo")
        self.start = start
        self.target = container.add_stream(encoder, rate=rate)
        target = self.target.codec_context
        target.layout = layout
        target.bit_rate = BIT_RATE * context.layout.nb_channels
        target.open(strict=False)
        self.report = (
            f"{context.codec.canonical_name}, converted to "
            f"{target.codec.canonical_name}"
        )

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
            # The encoder converts rate, layout and format itself.
            yield from self._encode(frame)

    def finish(self):
        """Ends the track."""
        yield from self._encode(None)

    def _encode(self, frame):
        for packet in self.target.encode(frame):
            yield float(packet.dts * packet.time_base), packet
