-- Stored files in parts, where there is no folder for them. Times are microseconds since 1970.

CREATE TABLE blobs (
    -- A number is never given again: a writer that was given up cannot write into another's file.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    size INTEGER NOT NULL,
    finished INTEGER NOT NULL,
    written_time INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX blobs_finished ON blobs (name) WHERE finished = 1;
CREATE INDEX blobs_name ON blobs (name, written_time);

CREATE TABLE chunks (
    id INTEGER PRIMARY KEY,
    blob_id INTEGER NOT NULL,
    number INTEGER NOT NULL, -- from 0; all but the last are equally long
    bytes BLOB NOT NULL,
    UNIQUE (blob_id, number)
) STRICT;
