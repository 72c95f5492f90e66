-- Pages that a decision need not look at or write. A stream's head is kept where its customer is looked up, and no
-- longer beside that. An entry of the history has the id of its audit row, which the customer's stream in the audit
-- log finds.

CREATE TABLE heads (
    brand TEXT NOT NULL,
    customer_id INTEGER NOT NULL, -- 0: the brand's configuration
    version INTEGER NOT NULL,
    hash BLOB NOT NULL,
    committed_time INTEGER NOT NULL,
    due_time INTEGER,
    PRIMARY KEY (brand, customer_id)
) STRICT, WITHOUT ROWID;
INSERT INTO heads SELECT brand, customer_id, version, hash, committed_time, due_time FROM streams
    ORDER BY brand, customer_id;
DROP TABLE streams;
ALTER TABLE heads RENAME TO streams;
CREATE INDEX streams_due ON streams (due_time) WHERE due_time IS NOT NULL;

DROP INDEX history_kyc;
