"""Prints the schema's page.

python tfrecords/schema.py > tfrecords/README.md
"""

from keras_comic.data import describe_schema

PAGE = """\
# Records

One record is one image. `keras-comic tfrecords build FOLDER -o SHARDS --kind
photos` writes them, or `keras_comic.data.write_records`; `read_records` reads
them. A file's own bytes are kept where they are an upright JPEG or PNG; the
shards are named `<split>-00003-of-00016.tfrecord`, and the same files give the
same bytes. A recipe here (`storybook.py`) builds one set; records themselves
are not in git.

{table}

Records of another schema version are refused, with what to do."""


if __name__ == "__main__":
    print(PAGE.format(table=describe_schema()))
