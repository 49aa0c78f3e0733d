"""Prints the schema's page.

python tfrecords/schema.py > tfrecords/README.md
"""

from keras_comic.data import describe_schema

PAGE = """\
# Records

`keras-comic tfrecords build SOURCES -o RECORDS --kind KIND` writes them, or
`keras_comic.data.write_records`; the datasets of `keras_comic.data` and
`read_records` read them; `keras-comic tfrecords inspect RECORDS` shows what
is in them. Records themselves are not in git.

| kind | one record is | made of |
| --- | --- | --- |
| `photos` | a photograph | images, frames of videos |
| `comics` | a drawing | images, frames of videos, panels of pages |
| `pairs` | a photo with its comic, of one size | two folders or a manifest |
| `clips` | frames in order, with times | videos, folders of frames |

## Files

Shards are named `<split>-00003-of-00016.tfrecord`; the same sources give the
same bytes. Beside them lies

- `<split>.manifest.json`: of every shard the SHA-256, the bytes, the number of
  records and the length and label of each; counts by label and licence; what
  was left out, by rule, with the reason; what was converted; the settings.

The length of each record is what lets a reader find any record at once. Without
a manifest (a single shard, a copy of some) the shards are scanned instead.

A build keeps what it has done in the hidden folder `.<split>.build` until the
shards are in their places; the same command goes on from there.

## Features

{table}

A file's own bytes are kept where they are an upright, opaque JPEG or PNG that
needs no trimming, splitting or resizing. Records of another version of the
schema are refused, with what to do.

## Recipes

Each script here says where a data set comes from, what its licence allows, and
builds its records: `python tfrecords/NAME.py FOLDER [OUTPUT]`. They are thin,
to be copied and changed.

| recipe | set |
| --- | --- |
| `gutenberg` | illustrated books of Project Gutenberg, in the public domain |
| `peppercarrot` | Pepper&Carrot, a web comic, split into panels |
| `coco` | COCO's photographs |
| `wikiart` | WikiArt's paintings, by style |
| `div2k` | DIV2K's large photographs |
| `bsds500` | the Berkeley segmentation set's photographs |
| `storybook` | photographs, five illustrators and clips of one folder |
"""


if __name__ == "__main__":
    print(PAGE.format(table=describe_schema()), end="")
