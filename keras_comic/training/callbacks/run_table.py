"""A table of a run, which a resumed run goes on with."""

import csv
import io

from keras_comic.data.paths import write_whole


class RunTable:
    """Rows by the step in a CSV file, as dicts of strings."""

    def __init__(self, path):
        self.path = path
        self.rows = []

    def resume(self, step):
        """Reads the rows up to a step; later ones are written again."""
        self.rows = []
        if self.path.is_file():
            with open(self.path, newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
            self.rows = [row for row in rows if int(row["step"]) <= step]

    def add(self, row, last=()):
        """Adds a row and writes the file; the columns in `last` come last."""
        self.rows.append(
            {
                name: f"{v:.7g}" if isinstance(v, float) else str(v)
                for name, v in row.items()
            }
        )
        names = dict.fromkeys(name for row in self.rows for name in row)
        columns = [*(n for n in names if n not in last), *last]
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, columns, restval="")
        writer.writeheader()
        writer.writerows(self.rows)
        write_whole(self.path, text.getvalue())
