-- Metadata of the files under storage/. Times are microseconds since 1970.

CREATE TABLE files (
    id INTEGER PRIMARY KEY,
    file_id TEXT NOT NULL UNIQUE,
    extension TEXT NOT NULL,
    file_name TEXT NOT NULL,
    content_type TEXT NOT NULL,
    file_size INTEGER NOT NULL,
    checksum TEXT NOT NULL,
    brand TEXT,
    customer_id INTEGER,
    uploaded_session INTEGER NOT NULL,
    uploaded_by TEXT NOT NULL,
    claimed INTEGER NOT NULL,
    created_time INTEGER NOT NULL
) STRICT;
CREATE INDEX files_unclaimed ON files (created_time) WHERE claimed = 0;
