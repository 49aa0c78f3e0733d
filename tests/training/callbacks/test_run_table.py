from keras_comic.training.callbacks.run_table import RunTable
from tests.test_case import TestCase


class RunTableTest(TestCase):
    def setUp(self):
        self.path = self.temporary_folder() / "run" / "table.csv"

    def lines(self):
        return self.path.read_text(encoding="utf-8").splitlines()

    def test_rows(self):
        table = RunTable(self.path)
        table.add({"step": 2, "pixels": 1 / 3, "note": "a, b"}, last=["note"])
        # A column that comes later, before the last one.
        table.add({"step": 4, "penalty": 2.0, "note": ""}, last=["note"])
        self.assertEqual(
            self.lines(),
            [
                "step,pixels,penalty,note",
                '2,0.3333333,,"a, b"',
                "4,,2,",
            ],
        )

    def test_resumed(self):
        table = RunTable(self.path)
        table.resume(0)
        self.assertEqual(table.rows, [])
        for step in (2, 4, 6):
            table.add({"step": step})
        again = RunTable(self.path)
        again.resume(4)
        self.assertEqual(again.rows, [{"step": "2"}, {"step": "4"}])
        again.add({"step": 5})
        self.assertEqual(self.lines(), ["step", "2", "4", "5"])
