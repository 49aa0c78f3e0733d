"""Keeps the finished pieces of a long conversion, so that it can go on."""

import json
import os
import re
import shutil

import numpy as np

from keras_comic.data.paths import whole_file
from keras_comic.data.paths import write_whole
from keras_comic.video.sink import Packet

MANIFEST = "manifest.json"
PIECE = "segment_{:06d}.npz"
# The number of a piece, after which the stylizer had this state; 0 is the
# state before the first frame.
STATE = "state_{:06d}.npz"
VERSION = 2


class Pieces:
    """The finished pieces of a conversion, in a folder."""

    def __init__(self, folder, key, resume):
        self.folder = folder
        self.num_pieces = self.num_frames = 0
        self.last = None
        key = json.loads(json.dumps({"version": VERSION, **key}, default=str))
        if folder.exists():
            self._look(key, resume)
        if not self.num_pieces and not self.has_state():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            text = json.dumps(key, indent=2, sort_keys=True) + "\n"
            write_whole(folder / MANIFEST, text)

    def _look(self, key, resume):
        """Counts the pieces of an earlier run, and compares its key."""
        names = sorted(os.listdir(self.folder))
        for name in names:
            if not re.fullmatch(
                r"manifest\.json|(segment|state)_\d{6}\.npz|\.partial\..*", name
            ):
                raise ValueError(
                    "The folder for unfinished work holds other files; move "
                    f"them away. Received: {self.folder / name}"
                )
        if MANIFEST not in names:
            # It is deleted first.
            return
        while PIECE.format(self.num_pieces + 1) in names:
            self.num_pieces += 1
            with self._open(PIECE.format(self.num_pieces)) as arrays:
                self.num_frames += int(arrays["num_frames"])
                self.last = int(arrays["last"])
        if self.num_pieces and not self.has_state():
            raise ValueError(
                "The unfinished work lacks the stylizer's state; delete the "
                f"folder to begin anew. Received: {self.folder}"
            )
        if not resume:
            if self.num_pieces:
                raise ValueError(
                    f"There is unfinished work in {self.folder} "
                    f"({self.num_frames} frames). Go on with it by "
                    "`resume=True`, or delete the folder to begin anew. "
                    "Received: resume=False"
                )
            (self.folder / STATE.format(0)).unlink(missing_ok=True)
        elif self.has_state():
            old = json.loads((self.folder / MANIFEST).read_text())
            different = [
                f"{name}={key.get(name)} (was {old.get(name)})"
                for name in sorted({*old, *key})
                if old.get(name) != key.get(name)
            ]
            if different:
                raise ValueError(
                    f"The unfinished work in {self.folder} is of something "
                    "else. Delete the folder to begin anew. Received: "
                    + ", ".join(different)
                )

    def has_state(self):
        """Says if the state at the end of the last piece is kept."""
        return (self.folder / STATE.format(self.num_pieces)).exists()

    def state(self):
        """Reads the stylizer's state at the end of the last piece."""
        with self._open(STATE.format(self.num_pieces)) as arrays:
            return dict(arrays)

    def keep_prepared(self, state):
        """Keeps the state before the first frame."""
        self._write_arrays(STATE.format(0), state)

    def add(self, packets, num_frames, last, state):
        """Keeps a piece."""
        number = self.num_pieces + 1
        self._write_arrays(STATE.format(number), state)
        arrays = {
            "data": np.frombuffer(b"".join(p.data for p in packets), "uint8"),
            "lengths": np.array([len(p.data) for p in packets], "int64"),
            "pts": np.array([p.pts for p in packets], "int64"),
            "dts": np.array([p.dts for p in packets], "int64"),
            "is_key": np.array([p.is_key for p in packets], bool),
            "num_frames": np.array(num_frames),
            "last": np.array(last),
        }
        self._write_arrays(PIECE.format(number), arrays)
        old_state = self.folder / STATE.format(self.num_pieces)
        old_state.unlink(missing_ok=True)
        self.num_pieces, self.last = number, last
        self.num_frames += num_frames

    def __iter__(self):
        """Reads the packets of the pieces, one piece at a time."""
        for number in range(1, self.num_pieces + 1):
            with self._open(PIECE.format(number)) as arrays:
                arrays = dict(arrays)
            data = arrays["data"]
            ends = np.cumsum(arrays["lengths"])
            columns = [arrays[name].tolist() for name in Packet._fields[1:]]
            yield [
                Packet(data[end - length : end].tobytes(), *times)
                for end, length, *times in zip(
                    ends, arrays["lengths"], *columns, strict=True
                )
            ]

    def remove(self):
        """Deletes the folder."""
        (self.folder / MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(self.folder)

    def _open(self, name):
        return np.load(self.folder / name, allow_pickle=False)

    def _write_arrays(self, name, arrays):
        arrays = {str(key): value for key, value in arrays.items()}
        with whole_file(self.folder / name) as partial:
            with open(partial, "wb") as file:
                np.savez(file, **arrays)
                file.flush()
                os.fsync(file.fileno())
