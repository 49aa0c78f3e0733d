import threading

from keras_comic.serving.web_stylizer import Stopped
from keras_comic.serving.web_work import Busy
from keras_comic.serving.web_work import Turns
from keras_comic.serving.web_work import Work
from tests.test_case import TestCase


class Counting:
    """Counts to a number instead of drawing frames, as far as it is let."""

    def __init__(self, total):
        self.total = total
        self.told = threading.Semaphore(0)

    def make(self, path, choice, folder, progress):
        for done in range(1, self.total + 1):
            self.told.acquire()
            progress(done, self.total)
        return path, choice, folder


class WorkTest(TestCase):
    def test_progress(self):
        counting = Counting(3)
        work = Work(counting, "path", "choice", "folder", threading.Event())
        told = []
        counting.told.release()
        for now in work.progress():
            told.append(now)
            counting.told.release(3)
        self.assertEqual(told[0], (1, 3))
        self.assertEqual(work.result(), ("path", "choice", "folder"))

    def test_stop(self):
        counting, stopped = Counting(3), threading.Event()
        work = Work(counting, "path", "choice", "folder", stopped)
        stopped.set()
        counting.told.release()
        self.assertEqual(list(work.progress()), [])
        with self.assertRaises(Stopped):
            work.result()

    def test_nobody_asks_any_more(self):
        counting = Counting(3)
        work = Work(counting, "path", "choice", "folder", threading.Event())
        counting.told.release()
        progress = work.progress()
        next(progress)
        counting.told.release()
        progress.close()
        with self.assertRaises(Stopped):
            work.result()


class TurnsTest(TestCase):
    def test_in_order(self):
        turns, stopped = Turns(), threading.Event()
        first, second, third = [turns.enter() for _ in range(3)]
        self.assertEqual(list(turns.wait(first, stopped)), [])
        waiting = turns.wait(third, stopped)
        self.assertEqual(next(waiting), 2)
        turns.leave(first)
        self.assertEqual(next(waiting), 1)
        self.assertEqual(list(turns.wait(second, stopped)), [])
        turns.leave(second)
        self.assertEqual(list(waiting), [])

    def test_waits_until_the_other_leaves(self):
        turns = Turns()
        first, second = turns.enter(), turns.enter()
        waiting = turns.wait(second, threading.Event())
        self.assertEqual(next(waiting), 1)
        leaving = threading.Timer(0.05, turns.leave, [first])
        leaving.start()
        self.assertEqual(list(waiting), [])
        leaving.join()

    def test_stop(self):
        turns, stopped = Turns(), threading.Event()
        turns.enter()
        waiting = turns.wait(turns.enter(), stopped)
        next(waiting)
        stopped.set()
        with self.assertRaises(Stopped):
            next(waiting)

    def test_busy(self):
        turns = Turns(max_waiting=1)
        first = turns.enter()
        turns.enter()
        with self.assertRaises(Busy):
            turns.enter()
        turns.leave(first)
        turns.enter()
