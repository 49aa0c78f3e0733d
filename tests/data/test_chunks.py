import subprocess
import sys

import pytest

pytest.importorskip("tensorflow")

from keras_comic.data.chunks import WATCH_PERIOD  # noqa: E402
from keras_comic.data.chunks import chunk_paths  # noqa: E402
from keras_comic.data.chunks import load_chunk  # noqa: E402
from keras_comic.data.chunks import make_chunk  # noqa: E402
from keras_comic.data.chunks import make_chunks  # noqa: E402
from keras_comic.data.chunks import split_into_chunks  # noqa: E402
from keras_comic.data.framing import frame_record  # noqa: E402
from keras_comic.data.sources import Source  # noqa: E402
from tests.data.record_makers import LineRecordMaker  # noqa: E402
from tests.test_case import ROOT  # noqa: E402
from tests.test_case import TestCase  # noqa: E402

KILLED_BUILD = """
import sys
from pathlib import Path
from keras_comic.data.chunks import make_chunks, split_into_chunks
from keras_comic.data.sources import Source
from tests.data.record_makers import LineRecordMaker

folder, work = map(Path, sys.argv[1:])
sources = [Source(p, p.name, "", "train") for p in sorted(folder.iterdir())]
make_chunks(LineRecordMaker(), [[s] for s in sources], work, 2,
            lambda *numbers: print(*numbers, flush=True))
"""


class ChunksTest(TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()
        self.work = self.folder / "work"
        self.work.mkdir()
        self.maker = LineRecordMaker()

    def write(self, **texts):
        """Sources of the text files that it writes, a chunk each."""
        (self.folder / "texts").mkdir(exist_ok=True)
        sources = []
        for name, text in texts.items():
            path = self.folder / "texts" / name
            path.write_text(text)
            sources.append(Source(path, name, "ink", "train"))
        return [[source] for source in sources]

    def make(self, chunks, folder=None, num_workers=1, progress=None):
        return make_chunks(self.maker, chunks, folder, num_workers, progress)

    def load(self, chunks):
        return [load_chunk(self.work, number) for number in range(len(chunks))]

    def contents(self):
        return {path.name: path.read_bytes() for path in self.work.iterdir()}


class SplitTest(ChunksTest):
    def test_videos_and_folders_are_alone(self):
        (self.folder / "walk").mkdir()
        names = ["a.png", "b.png", "c.mp4", "d.mp4", "e.png", "walk", "x.png"]
        sources = [Source(self.folder / n, n, "", "train") for n in names]
        self.assertEqual(
            [[s.name for s in chunk] for chunk in split_into_chunks(sources)],
            [
                ["a.png", "b.png"],
                ["c.mp4"],
                ["d.mp4"],
                ["e.png"],
                ["walk"],
                ["x.png"],
            ],
        )


class MakeChunkTest(ChunksTest):
    def test_files(self):
        (first,), (second,) = self.write(a="1\n2", b="drop\n3\nfail\n4")
        path, note = chunk_paths(self.work, 7)
        ticks = []
        result = make_chunk(
            self.maker, [first, second], path, tick=lambda: ticks.append(1)
        )
        self.assertIsNone(result)
        self.assertEqual(len(ticks), 2)
        self.assertEqual(set(self.contents()), {path.name, note.name})
        self.assertEqual(
            path.read_bytes(),
            frame_record(b"1") + frame_record(b"2") + frame_record(b"3"),
        )
        result = load_chunk(self.work, 7)
        self.assertEqual(
            [(f["filename"], f["length"]) for f in result.facts],
            [("a", 1), ("a", 1), ("b", 1)],
        )
        self.assertEqual(result.conversions, {"line": 3})
        self.assertEqual(
            [drop[:3] for drop in result.drops],
            [
                (str(second.path), "line", ""),
                (
                    str(second.path),
                    "unreadable",
                    f"This file fails: {second.path}",
                ),
            ],
        )

    def test_sources_that_end_the_process_are_left_out(self):
        (first,), (second,) = self.write(a="exit", b="2")
        result = make_chunk(self.maker, [first, second], crashed=[0])
        self.assertEqual(self.maker.seen, ["b"])
        self.assertEqual(len(result.facts), 1)
        (drop,) = result.drops
        self.assertEqual(drop[:2], (str(first.path), "unreadable"))
        self.assertRegex(drop.reason, "ends the process")


class ProcessesTest(ChunksTest):
    def test_same_as_in_one_process(self):
        texts = {f"{i:02}": "\n".join(map(str, range(i))) for i in range(9)}
        texts["04"] += "\ndrop\nfail"
        chunks = self.write(**texts)
        self.make(chunks, self.work)
        expected = self.contents()
        for path in self.work.iterdir():
            path.unlink()
        maker, self.maker = self.maker, LineRecordMaker()
        seen = []
        self.make(chunks, self.work, 2, lambda *n: seen.append(n))
        self.assertEqual(self.contents(), expected)
        self.assertEqual(seen, [(number, 9) for number in range(1, 10)])
        self.assertEqual((len(maker.seen), self.maker.seen), (9, []))

    @pytest.mark.slow
    def test_processes_that_end(self):
        names = [f"{number:02}" for number in range(40)]
        ends = {"03", "04", "30"}
        chunks = self.write(
            **{n: "1\nexit" if n in ends else "1" for n in names}
        )
        expected = {
            str(source.path) for (source,) in chunks if source.name in ends
        }
        chunks = [sum(chunks[i : i + 5], []) for i in range(0, 40, 5)]
        seen = []
        self.make(chunks, self.work, 2, lambda *n: seen.append(n))
        self.assertEqual(seen[-1], (40, 40))
        results = self.load(chunks)
        self.assertEqual(
            [fact["filename"] for result in results for fact in result.facts],
            [name for name in names if name not in ends],
        )
        drops = [drop for result in results for drop in result.drops]
        self.assertEqual([drop.path for drop in drops], sorted(expected))
        for drop in drops:
            self.assertEqual(drop.rule, "unreadable")
            self.assertRegex(drop.reason, "ends the process")
        self.assertEqual(self.maker.seen, [])

    @pytest.mark.slow
    def test_they_end_with_the_one_that_started_them(self):
        self.write(**{f"{i:03}": f"{i}\n" * 4000 for i in range(400)})
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED_BUILD, self.folder / "texts"]
            + [self.work],
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        process.stdout.readline()
        process.kill()
        # It comes to its end when the last process is gone that has it.
        process.communicate(timeout=20 * WATCH_PERIOD)
        self.assertLess(len(self.contents()), 2 * 400)
