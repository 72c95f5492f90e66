//! Every limit of the core in one place, units in the names (source: the manager API's "Limits").

/// Greatest integer that every known client holds exactly: 2⁵³ − 1.
pub const ID_MAX: i64 = 9_007_199_254_740_991;
/// Greatest time accepted from outside: the last second of the year 9999.
pub const TIME_SECONDS_MAX: i64 = 253_402_300_799;
/// Highest level of a template, step or profile.
pub const LEVEL_MAX: i64 = 10;
/// Longest brand name, template code, slug.
pub const CODE_CHARS_MAX: usize = 64;
/// Longest name of a template.
pub const NAME_CHARS_MAX: usize = 200;
/// Longest description, comment, message to the customer.
pub const COMMENT_CHARS_MAX: usize = 2_000;
/// Longest reason code, source or document type.
pub const REASON_CHARS_MAX: usize = 64;
/// Longest external id.
pub const EXTERNAL_ID_CHARS_MAX: usize = 255;
/// Longest subject of a token.
pub const SUBJECT_CHARS_MAX: usize = 255;
/// Longest idempotency key.
pub const IDEMPOTENCY_KEY_CHARS_MAX: usize = 128;
/// Largest `extID` of a TCP request, as JSON text.
pub const EXT_ID_BYTES_MAX: usize = 128;
/// Largest `form_schema`, as compact JSON.
pub const FORM_SCHEMA_BYTES_MAX: usize = 64 * 1024;
/// Deepest nesting of a `form_schema`.
pub const FORM_SCHEMA_DEPTH_MAX: usize = 16;
/// Most sections of a `form_schema`.
pub const SECTIONS_MAX: usize = 50;
/// Most fields of a `form_schema`, over all sections.
pub const FIELDS_MAX: usize = 200;
/// Most options of one field.
pub const OPTIONS_MAX: usize = 500;
/// Longest `pattern` of a field.
pub const PATTERN_CHARS_MAX: usize = 500;
/// Largest compiled `pattern`, so that a hostile one costs little.
pub const PATTERN_COMPILED_BYTES_MAX: usize = 256 * 1024;
/// Largest answers of one submission, as compact JSON.
pub const ANSWERS_BYTES_MAX: usize = 256 * 1024;
/// Longest `text` answer unless the field says otherwise.
pub const TEXT_CHARS_DEFAULT: usize = 1_000;
/// Longest `textarea` answer unless the field says otherwise.
pub const TEXTAREA_CHARS_DEFAULT: usize = 10_000;
/// Greatest `max_length` that a field may set.
pub const ANSWER_CHARS_MAX: usize = 100_000;
/// Largest `requirements`, as compact JSON.
pub const REQUIREMENTS_BYTES_MAX: usize = 16 * 1024;
/// Longest validity of an approval (`valid_days`) and earliest announcement (`warn_days`).
pub const VALID_DAYS_MAX: i64 = 36_500;
/// Most steps of a profile.
pub const STEPS_MAX: usize = 200;
/// Most documents of a profile, deleted ones included.
pub const DOCUMENTS_MAX: usize = 500;
/// Most templates of a brand that are not archived.
pub const TEMPLATES_MAX: usize = 500;
/// Deepest nesting of JSON from outside.
pub const JSON_DEPTH_MAX: usize = 64;
/// Largest REST body and TCP frame by default.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
/// TCP requests of one connection that may be under way at once.
pub const FRAMES_IN_FLIGHT_MAX: usize = 128;
/// Changes that may be under way at once, of all callers together.
pub const CHANGES_UNDER_WAY_MAX: usize = 1_024;
/// Most rows of one page.
pub const PAGE_ROWS_MAX: i64 = 1_000;
/// Rows of one page unless the request says otherwise.
pub const PAGE_ROWS_DEFAULT: i64 = 100;
/// Deepest `offset` into a list; a cursor goes further.
pub const OFFSET_ROWS_MAX: i64 = 1_000_000;
/// History entries shown with a profile.
pub const HISTORY_SHOWN_ROWS: i64 = 100;
/// Longest file name kept as metadata.
pub const FILE_NAME_CHARS_MAX: usize = 200;
/// Largest uploaded file by default.
pub const FILE_BYTES_MAX: u64 = 20 * 1024 * 1024;
/// How long the reply of a keyed request is kept.
pub const KEPT_REPLY_SECONDS: i64 = 24 * 3_600;
/// How long a file that nothing names is kept.
pub const UNCLAIMED_FILE_SECONDS: i64 = 24 * 3_600;
/// How often a command is decided again after a conflict before it is refused.
pub const CONFLICT_ATTEMPTS_MAX: usize = 5;
/// How far a webhook's signed timestamp may be from now, either way.
pub const SIGNATURE_AGE_SECONDS_MAX: u64 = 300;
/// Longest answer of a platform that is read.
pub const OUTBOUND_ANSWER_BYTES_MAX: usize = 64 * 1024;
/// How long a platform may take to accept a connection.
pub const OUTBOUND_CONNECT_SECONDS_MAX: u64 = 3;
/// How long a whole call to a platform may take.
pub const OUTBOUND_CALL_SECONDS_MAX: u64 = 10;
/// Largest webhook body.
pub const WEBHOOK_BYTES_MAX: usize = 64 * 1024;
/// Longest `event_id` of a webhook.
pub const EVENT_ID_CHARS_MAX: usize = 128;
/// How much of the `reason` of a webhook's rejection the history shows; the body is kept whole.
pub const WEBHOOK_REASON_CHARS_MAX: usize = 2_000;
/// How far a webhook's `ts` may be ahead of now.
pub const WEBHOOK_AHEAD_SECONDS_MAX: i64 = 300;
/// Most entries of one customer's level log that webhooks may fill.
pub const LEVEL_LOG_ENTRIES_MAX: usize = 10_000;
/// Greatest number of a customer that an external id makes without being linked.
pub const EXTERNAL_NUMBER_MAX: i64 = 999_999_999;
/// Numbers of customers in use that an allocation passes over before it gives up.
pub const ALLOCATIONS_MAX: usize = 100;
/// Longest address of a platform.
pub const BASE_URL_CHARS_MAX: usize = 500;
/// Most webhook secrets that hold at once.
pub const SECRETS_LIVE_MAX: usize = 3;
/// How long a secret goes on beside its successor, unless the rotation says otherwise.
pub const OVERLAP_SECONDS_DEFAULT: i64 = 86_400;
/// How long it may at most.
pub const OVERLAP_SECONDS_MAX: i64 = 30 * 86_400;
/// Webhooks a second that a tenant may send for long, unless it is set.
pub const WEBHOOK_RATE_DEFAULT: i64 = 200;
/// Webhooks that a tenant may send at once, unless it is set.
pub const WEBHOOK_BURST_DEFAULT: i64 = 1_000;
/// Highest rate and burst that can be set.
pub const RATE_MAX: i64 = 1_000_000;
/// Lookups a second that a reconciliation makes, unless it is set.
pub const LOOKUP_RATE_DEFAULT: i64 = 10;
/// Calls out that one decision may queue: an initiate and an update for each level.
pub const CALLS_PER_DECISION_MAX: i64 = 22;
/// How long a claimed call is its claimer's.
pub const LEASE_SECONDS: i64 = 30;
/// How long after it was queued a call that nobody took is given up.
pub const CALL_AGE_SECONDS_MAX: i64 = 30 * 3_600;
/// Longest `Retry-After` that is honoured.
pub const RETRY_AFTER_SECONDS_MAX: i64 = 10 * 3_600;
/// Failures in a row that open a tenant's breaker.
pub const BREAKER_FAILURES_MAX: i64 = 5;
/// How often an open breaker lets one call through.
pub const PROBE_SECONDS: i64 = 60;
/// Longest text of a platform's that is kept of an answer.
pub const ANSWER_TEXT_CHARS_MAX: usize = 500;
