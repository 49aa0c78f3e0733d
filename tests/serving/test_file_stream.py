import threading
import time
from concurrent import futures

from keras_comic.serving.errors import ServingError
from keras_comic.serving.file_stream import stream_files
from tests.test_case import TestCase


class StreamFilesTest(TestCase):
    def setUp(self):
        self.folder = self.temporary_folder()
        self.targets = [
            (self.folder / f"{k}.txt", self.folder / "out" / f"{k}.txt")
            for k in range(8)
        ]
        (self.folder / "out").mkdir()
        for source, _ in self.targets:
            source.write_text(source.stem)
        self.running = self.most = 0
        self.lock = threading.Lock()
        self.errors = {}

    def make(self, source, target):
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
        try:
            # The first ones are slower than those behind them.
            time.sleep(0.01 * (8 - int(source.stem)))
            if source.stem in self.errors:
                raise self.errors[source.stem]
            target.write_text(f"new {source.read_text()}")
        finally:
            with self.lock:
                self.running -= 1

    def stream(self, num_ahead=3, overwrite=False, progress=None):
        with futures.ThreadPoolExecutor(8) as pool:
            return stream_files(
                self.targets,
                self.make,
                pool.submit,
                num_ahead,
                overwrite,
                progress,
            )

    def test_all(self):
        calls = []
        done = self.stream(progress=lambda *numbers: calls.append(numbers))
        self.assertEqual(done.written, [target for _, target in self.targets])
        self.assertEqual(done.skipped + done.failures, [])
        self.assertEqual(calls, [(k, 8) for k in range(1, 9)])
        self.assertEqual(self.most, 3)
        for k, path in enumerate(done.written):
            self.assertEqual(path.read_text(), f"new {k}")

    def test_what_is_done_is_skipped(self):
        kept = self.targets[2][1]
        kept.write_text("old")
        done = self.stream()
        self.assertEqual(done.skipped, [kept])
        self.assertEqual(len(done.written), 7)
        self.assertEqual(kept.read_text(), "old")
        done = self.stream(overwrite=True)
        self.assertEqual(len(done.written), 8)
        self.assertEqual(kept.read_text(), "new 2")

    def test_goes_on_past_failures(self):
        self.errors = {
            "1": ServingError("INVALID_ARGUMENT", "Too small."),
            "3": ValueError("Not a picture."),
            "4": OSError("The disk is full."),
            "6": ServingError("RESOURCE_EXHAUSTED", "The queue is full."),
        }
        done = self.stream()
        self.assertEqual(
            done.failures,
            [(self.targets[int(k)][0], str(e)) for k, e in self.errors.items()],
        )
        self.assertEqual(
            done.written, [self.targets[k][1] for k in (0, 2, 5, 7)]
        )

    def test_ends_when_all_would_fail(self):
        for code in ("UNAVAILABLE", "UNAUTHENTICATED", "NOT_FOUND"):
            self.errors = {"3": ServingError(code, "Nobody.")}
            with self.assertRaisesRegex(ServingError, "Nobody."):
                self.stream(num_ahead=1, overwrite=True)
            written = [t.stem for _, t in self.targets if t.exists()]
            self.assertEqual(written, ["0", "1", "2"])

    def test_other_errors_are_ours(self):
        self.errors = {"0": ZeroDivisionError("Ours.")}
        with self.assertRaisesRegex(ZeroDivisionError, "Ours."):
            self.stream()
