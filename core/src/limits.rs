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
