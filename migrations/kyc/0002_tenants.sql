-- Tenants with their sealed secrets, the level log, calls out with their queue. Times are microseconds since 1970.

CREATE TABLE tenants (
    id INTEGER PRIMARY KEY,
    tenant_id TEXT NOT NULL UNIQUE,
    slug TEXT NOT NULL UNIQUE,
    brand TEXT NOT NULL UNIQUE,
    kyc_model TEXT NOT NULL,
    base_url TEXT,
    create_players INTEGER NOT NULL,
    allow_private_network INTEGER NOT NULL,
    webhook_rate INTEGER NOT NULL,
    webhook_burst INTEGER NOT NULL,
    lookup_rate INTEGER NOT NULL,
    secrets TEXT NOT NULL, -- what is known of them; their bytes are in tenant_secrets
    version INTEGER NOT NULL,
    created_time INTEGER NOT NULL,
    updated_time INTEGER NOT NULL
) STRICT;

CREATE TABLE tenant_secrets (
    id INTEGER PRIMARY KEY,
    secret_id TEXT NOT NULL UNIQUE,
    brand TEXT NOT NULL,
    sealed TEXT NOT NULL
) STRICT;
CREATE INDEX tenant_secrets_brand ON tenant_secrets (brand);

-- The log only grows. An event id is taken once; other bodies under it are kept, not accepted.
CREATE TABLE level_log (
    id INTEGER PRIMARY KEY,
    kyc_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    brand TEXT NOT NULL,
    customer_id INTEGER NOT NULL,
    event TEXT NOT NULL,
    level INTEGER NOT NULL,
    ts INTEGER NOT NULL,
    expires_at INTEGER,
    slug TEXT,
    event_id TEXT,
    body_hash BLOB,
    accepted INTEGER NOT NULL,
    UNIQUE (kyc_id, number)
) STRICT;
CREATE UNIQUE INDEX level_log_event ON level_log (slug, event_id) WHERE accepted = 1 AND event_id IS NOT NULL;

CREATE TABLE deliveries (
    id INTEGER PRIMARY KEY,
    brand TEXT NOT NULL,
    customer_id INTEGER NOT NULL,
    kyc_id INTEGER NOT NULL,
    tenant_id TEXT NOT NULL,
    kyc_model TEXT NOT NULL,
    player_external_id TEXT,
    idempotency_key TEXT NOT NULL,
    call TEXT NOT NULL,
    level INTEGER NOT NULL,
    body TEXT NOT NULL,
    status TEXT NOT NULL,
    queued_time INTEGER NOT NULL,
    settled_time INTEGER,
    code TEXT,
    message TEXT,
    provider_ref TEXT,
    version INTEGER NOT NULL
) STRICT;
-- What decisions about a customer look at.
CREATE INDEX deliveries_open ON deliveries (kyc_id) WHERE status IN ('queued', 'dead');
CREATE INDEX deliveries_told ON deliveries (kyc_id, level, id) WHERE status = 'delivered' AND call = 'update';
-- Lists, newest first.
CREATE INDEX deliveries_customer ON deliveries (brand, customer_id, id);
CREATE INDEX deliveries_status ON deliveries (brand, status, id);
CREATE INDEX deliveries_status_anywhere ON deliveries (status, id);

-- Calls that wait.
CREATE TABLE call_queue (
    delivery_id INTEGER PRIMARY KEY,
    brand TEXT NOT NULL,
    customer_id INTEGER NOT NULL,
    queued_time INTEGER NOT NULL,
    due_time INTEGER NOT NULL,
    lease_until INTEGER,
    attempts INTEGER NOT NULL
) STRICT;
CREATE INDEX call_queue_due ON call_queue (brand, due_time);
CREATE INDEX call_queue_queued ON call_queue (brand, queued_time);
CREATE INDEX call_queue_customer ON call_queue (brand, customer_id, delivery_id);

CREATE TABLE breakers (
    brand TEXT PRIMARY KEY,
    failures INTEGER NOT NULL,
    probe_time INTEGER -- set while it is open
) STRICT;

CREATE TABLE reconciliations (
    brand TEXT PRIMARY KEY,
    due_time INTEGER NOT NULL,
    cursor TEXT
) STRICT;

ALTER TABLE history ADD COLUMN event_id TEXT;
ALTER TABLE history ADD COLUMN also_effective TEXT;
ALTER TABLE history ADD COLUMN no_longer_effective TEXT;

CREATE INDEX profiles_active ON profiles (brand) WHERE status <> 0;

INSERT INTO counters (name, next) VALUES ('customer', 1000000000), ('tenant', 1), ('delivery', 1);
