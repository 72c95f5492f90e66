-- Streams, entities, audit log, history, kept replies. Times are microseconds since 1970; flags are 0 or 1.

CREATE TABLE streams (
    id INTEGER PRIMARY KEY,
    brand TEXT NOT NULL,
    customer_id INTEGER NOT NULL, -- 0: the brand's configuration
    version INTEGER NOT NULL,
    hash BLOB NOT NULL,
    committed_time INTEGER NOT NULL,
    due_time INTEGER,
    UNIQUE (brand, customer_id)
) STRICT;
CREATE INDEX streams_due ON streams (due_time) WHERE due_time IS NOT NULL;

CREATE TABLE settings (
    id INTEGER PRIMARY KEY,
    brand TEXT NOT NULL UNIQUE,
    kyc_required_for_real INTEGER NOT NULL,
    real_account_level INTEGER NOT NULL,
    comment_to_customer INTEGER NOT NULL,
    version INTEGER NOT NULL,
    created_time INTEGER,
    updated_time INTEGER
) STRICT;

CREATE TABLE templates (
    id INTEGER PRIMARY KEY,
    brand TEXT NOT NULL,
    code TEXT NOT NULL,
    level INTEGER NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    step_type INTEGER NOT NULL,
    required INTEGER NOT NULL,
    status INTEGER NOT NULL,
    sort_index INTEGER NOT NULL,
    requirements TEXT NOT NULL,
    form_schema TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_time INTEGER NOT NULL,
    updated_time INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX templates_code ON templates (brand, code) WHERE status <> 2;
CREATE INDEX templates_brand ON templates (brand, code);

CREATE TABLE profiles (
    id INTEGER PRIMARY KEY,
    brand TEXT NOT NULL,
    customer_id INTEGER NOT NULL,
    external_id TEXT,
    linked INTEGER NOT NULL,
    status INTEGER NOT NULL,
    current_level INTEGER NOT NULL,
    required_level INTEGER NOT NULL,
    risk_level INTEGER NOT NULL,
    review_reason TEXT,
    review_since INTEGER,
    pending_steps INTEGER NOT NULL,
    oldest_submitted_time INTEGER,
    expires_time INTEGER,
    kyc_status TEXT NOT NULL,
    kyc_level INTEGER NOT NULL,
    kyc_last_event_at INTEGER,
    kyc_expires_at INTEGER,
    version INTEGER NOT NULL,
    created_time INTEGER NOT NULL,
    updated_time INTEGER NOT NULL,
    UNIQUE (brand, customer_id),
    UNIQUE (brand, external_id)
) STRICT;
CREATE INDEX profiles_created ON profiles (brand, created_time, id);
CREATE INDEX profiles_updated ON profiles (brand, updated_time, id);
-- The same for those who see every brand.
CREATE INDEX profiles_created_anywhere ON profiles (created_time, id);
CREATE INDEX profiles_updated_anywhere ON profiles (updated_time, id);
CREATE INDEX profiles_external_anywhere ON profiles (external_id);
CREATE INDEX profiles_status ON profiles (brand, status, created_time, id);
-- The reviewers' queue: small beside the table.
CREATE INDEX profiles_awaiting ON profiles (brand, coalesce(oldest_submitted_time, 9223372036854775807), id)
    WHERE pending_steps > 0 OR status = 6;
CREATE INDEX profiles_awaiting_anywhere ON profiles (coalesce(oldest_submitted_time, 9223372036854775807), id)
    WHERE pending_steps > 0 OR status = 6;

CREATE TABLE steps (
    id INTEGER PRIMARY KEY,
    kyc_id INTEGER NOT NULL,
    customer_id INTEGER NOT NULL,
    brand TEXT NOT NULL,
    template_id INTEGER NOT NULL,
    code TEXT NOT NULL,
    level INTEGER NOT NULL,
    name TEXT NOT NULL,
    step_type INTEGER NOT NULL,
    required INTEGER NOT NULL,
    status INTEGER NOT NULL,
    requirements TEXT NOT NULL,
    form_schema TEXT NOT NULL,
    answers TEXT,
    reason TEXT,
    comment TEXT,
    customer_message TEXT,
    submitted_time INTEGER,
    reviewed_time INTEGER,
    reviewed_by TEXT,
    expires_time INTEGER,
    round INTEGER NOT NULL,
    announced INTEGER NOT NULL,
    version INTEGER NOT NULL,
    created_time INTEGER NOT NULL,
    updated_time INTEGER NOT NULL,
    UNIQUE (kyc_id, code)
) STRICT;

CREATE TABLE documents (
    id INTEGER PRIMARY KEY,
    kyc_id INTEGER NOT NULL,
    customer_id INTEGER NOT NULL,
    brand TEXT NOT NULL,
    step_id INTEGER,
    document_type TEXT NOT NULL,
    status INTEGER NOT NULL,
    file_id TEXT NOT NULL,
    file_name TEXT NOT NULL,
    content_type TEXT NOT NULL,
    file_size INTEGER NOT NULL,
    checksum TEXT NOT NULL,
    expires_time INTEGER,
    reason TEXT,
    comment TEXT,
    customer_message TEXT,
    round INTEGER NOT NULL,
    version INTEGER NOT NULL,
    created_time INTEGER NOT NULL,
    updated_time INTEGER NOT NULL
) STRICT;
CREATE INDEX documents_kyc ON documents (kyc_id, id);
CREATE INDEX documents_step ON documents (step_id, id);
CREATE INDEX documents_customer ON documents (brand, customer_id, id);
CREATE INDEX documents_status ON documents (brand, status, id);

CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    brand TEXT NOT NULL,
    customer_id INTEGER,
    kyc_id INTEGER,
    step_id INTEGER,
    document_id INTEGER,
    template_id INTEGER,
    action TEXT NOT NULL,
    actor_type INTEGER NOT NULL,
    actor_id TEXT NOT NULL,
    source TEXT,
    reason TEXT,
    comment TEXT,
    before TEXT,
    after TEXT,
    body TEXT,
    created_time INTEGER NOT NULL,
    salt BLOB,
    data_hash BLOB NOT NULL,
    prev_hash BLOB NOT NULL,
    hash BLOB NOT NULL
) STRICT;
CREATE INDEX audit_stream ON audit (brand, customer_id, id);
CREATE INDEX audit_brand ON audit (brand, id);
CREATE INDEX audit_kyc ON audit (kyc_id, id);
CREATE INDEX audit_step ON audit (step_id, id) WHERE step_id IS NOT NULL;
CREATE INDEX audit_document ON audit (document_id, id) WHERE document_id IS NOT NULL;
CREATE INDEX audit_actor ON audit (actor_id, id);
CREATE INDEX audit_action ON audit (action, id);
-- The log only grows: a row's chain columns never change, and no row goes. (Its data can be erased.) REPLACE fires no
-- delete trigger, so an insert over a row that is there is refused too.
CREATE TRIGGER audit_is_append_only BEFORE DELETE ON audit BEGIN
    SELECT raise(ABORT, 'audit rows are not deleted');
END;
CREATE TRIGGER audit_is_not_replaced BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id) BEGIN
    SELECT raise(ABORT, 'audit rows are not replaced');
END;
CREATE TRIGGER audit_is_fixed BEFORE UPDATE ON audit
WHEN NEW.id IS NOT OLD.id
    OR NEW.brand IS NOT OLD.brand
    OR NEW.customer_id IS NOT OLD.customer_id
    OR NEW.kyc_id IS NOT OLD.kyc_id
    OR NEW.step_id IS NOT OLD.step_id
    OR NEW.document_id IS NOT OLD.document_id
    OR NEW.template_id IS NOT OLD.template_id
    OR NEW.action IS NOT OLD.action
    OR NEW.actor_type IS NOT OLD.actor_type
    OR NEW.actor_id IS NOT OLD.actor_id
    OR NEW.source IS NOT OLD.source
    OR NEW.reason IS NOT OLD.reason
    OR NEW.created_time IS NOT OLD.created_time
    OR NEW.data_hash IS NOT OLD.data_hash
    OR NEW.prev_hash IS NOT OLD.prev_hash
    OR NEW.hash IS NOT OLD.hash
BEGIN
    SELECT raise(ABORT, 'audit rows are not changed');
END;

CREATE TABLE history (
    id INTEGER PRIMARY KEY,
    kyc_id INTEGER NOT NULL,
    brand TEXT NOT NULL,
    customer_id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    ts INTEGER NOT NULL,
    source TEXT NOT NULL,
    event TEXT NOT NULL,
    level INTEGER NOT NULL,
    from_status TEXT NOT NULL,
    to_status TEXT NOT NULL,
    applied INTEGER NOT NULL,
    reason TEXT,
    actor TEXT,
    data TEXT
) STRICT;
CREATE INDEX history_kyc ON history (kyc_id, id);

CREATE TABLE kept_replies (
    id INTEGER PRIMARY KEY,
    subject TEXT NOT NULL,
    command TEXT NOT NULL,
    key TEXT NOT NULL,
    request_hash BLOB NOT NULL,
    body TEXT NOT NULL,
    created_time INTEGER NOT NULL,
    UNIQUE (subject, command, key)
) STRICT;
CREATE INDEX kept_replies_created ON kept_replies (created_time);

CREATE TABLE counters (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    next INTEGER NOT NULL
) STRICT;
INSERT INTO counters (name, next) VALUES
    ('profile', 1), ('step', 1), ('document', 1), ('template', 1), ('audit', 1);
