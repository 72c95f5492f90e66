//! Why a request is refused: the error strings, statuses and details of the wire, in one enum.

use serde_json::{Map, Value, json};

use crate::id::ProfileId;
use crate::problem::Problem;
use crate::status::ProfileStatus;

/// A refusal. Unless it says otherwise nothing was changed and nothing audited.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// A member of the request is wrong; all wrong ones are named.
    #[error("{}", summary(.0))]
    InvalidData(Vec<Problem>),
    /// No token, or one that is bad or has expired.
    #[error("{0}")]
    Unauthenticated(&'static str),
    /// The token is good, but not for this.
    #[error("{0}")]
    Forbidden(&'static str),
    /// The gate is shut; the required level has been raised.
    #[error("verification at level {level} is required")]
    KycRequired {
        /// The level that opens the gate.
        level: i64,
        /// Where the profile stands.
        status: ProfileStatus,
        /// The level it has.
        current_level: i64,
        /// The profile; none while the platform has told nothing of the customer.
        kyc_id: Option<ProfileId>,
    },
    /// The brand's platform owns KYC: nothing about a customer is decided here.
    #[error("KYC of this brand is owned by its platform")]
    OwnedByPlatform,
    /// The brand's tenant tracks no KYC.
    #[error("KYC is switched off for this brand")]
    KycDisabled,
    /// There is no such thing, or not for this token.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// The thing's status does not allow it.
    #[error("{message}")]
    InvalidState {
        /// What is not possible, and why.
        message: String,
        /// The status it has.
        current_status: i64,
    },
    /// The thing has changed since the caller looked.
    #[error("changed since version {expected}: it is at version {current}")]
    Stale {
        /// The version the caller saw.
        expected: i64,
        /// The version it has.
        current: i64,
    },
    /// The step's live documents do not satisfy its requirements.
    #[error("documents are missing: {}", .missing.join(", "))]
    DocumentsMissing {
        /// Which ones, by type.
        missing: Vec<String>,
    },
    /// The template is disabled or archived.
    #[error("the template `{0}` is not active")]
    TemplateInactive(String),
    /// Something with this name, id or idempotency key is there already.
    #[error("{0}")]
    Duplicate(String),
    /// The body or frame is larger than this server takes.
    #[error("larger than {0} bytes")]
    FrameTooLarge(usize),
    /// The uploaded file is larger than this server takes.
    #[error("the file is larger than {0} bytes")]
    FileTooLarge(u64),
    /// The uploaded file is of no allowed type, or its name and content disagree.
    #[error("{0}")]
    UnsupportedFileType(String),
    /// A known route, but not with this method.
    #[error("this route takes {0}")]
    MethodNotAllowed(String),
    /// A byte range that the file does not have.
    #[error("the file has {0} bytes")]
    RangeNotSatisfiable(u64),
    /// More work is waiting than the server can take on.
    #[error("too many requests are waiting; try again in {retry_after_seconds} s")]
    TooFrequent {
        /// When to try again.
        retry_after_seconds: u32,
    },
    /// The store refused; nothing was changed.
    #[error("the store cannot do this now; nothing was changed")]
    Unavailable,
    /// It failed midway, and may have been done all the same.
    #[error("this failed midway; look whether it was done before it is sent again")]
    OutcomeUnknown,
    /// The operator has not given the host something that this needs: the text names it.
    #[error("{0}")]
    NotGranted(String),
}

fn summary(problems: &[Problem]) -> String {
    let first = problems.first().map_or_else(String::new, |problem| {
        if problem.field.is_empty() {
            problem.message.clone()
        } else {
            format!("{}: {}", problem.field, problem.message)
        }
    });
    match problems.len() {
        0 => "invalid data".to_owned(),
        1 => first,
        more => format!("{first} (and {} more)", more - 1),
    }
}

impl Rejection {
    /// One wrong member.
    pub fn invalid(field: &str, code: &str, message: &str) -> Self {
        Self::InvalidData(vec![Problem::new(field, code, message)])
    }

    /// The HTTP status, which TCP replies carry too.
    pub const fn status(&self) -> u16 {
        match self {
            Self::InvalidData(_) => 400,
            Self::Unauthenticated(_) => 401,
            Self::Forbidden(_) | Self::KycRequired { .. } | Self::OwnedByPlatform | Self::KycDisabled => 403,
            Self::NotFound(_) => 404,
            Self::MethodNotAllowed(_) => 405,
            Self::InvalidState { .. }
            | Self::Stale { .. }
            | Self::DocumentsMissing { .. }
            | Self::TemplateInactive(_)
            | Self::Duplicate(_) => 409,
            Self::FrameTooLarge(_) | Self::FileTooLarge(_) => 413,
            Self::UnsupportedFileType(_) => 415,
            Self::RangeNotSatisfiable(_) => 416,
            Self::TooFrequent { .. } => 429,
            Self::Unavailable | Self::OutcomeUnknown | Self::NotGranted(_) => 503,
        }
    }

    /// The stable error string.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidData(problems)
                if !problems.is_empty()
                    && problems
                        .iter()
                        .all(|problem| problem.field == "customer_id" && problem.code == "range") =>
            {
                "INVALID_CUSTOMER"
            }
            Self::InvalidData(_) | Self::MethodNotAllowed(_) | Self::RangeNotSatisfiable(_) => "INVALID_DATA",
            Self::Unauthenticated(_) | Self::Forbidden(_) => "PERMISSION_DENIED",
            Self::KycRequired { .. } => "KYC_REQUIRED",
            Self::OwnedByPlatform => "KYC_OWNED_BY_PLATFORM",
            Self::KycDisabled => "KYC_DISABLED",
            Self::NotFound(_) => "RET_NOT_FOUND",
            Self::InvalidState { .. } => "INVALID_STATE",
            Self::Stale { .. } => "STALE",
            Self::DocumentsMissing { .. } => "DOCUMENTS_MISSING",
            Self::TemplateInactive(_) => "TEMPLATE_INACTIVE",
            Self::Duplicate(_) => "RET_DUPLICATE_RECORD",
            Self::FrameTooLarge(_) => "FRAME_TOO_LARGE",
            Self::FileTooLarge(_) => "FILE_TOO_LARGE",
            Self::UnsupportedFileType(_) => "UNSUPPORTED_FILE_TYPE",
            Self::TooFrequent { .. } => "RET_TOO_FREQUENT",
            Self::Unavailable | Self::OutcomeUnknown | Self::NotGranted(_) => "RET_TECH_PROBLEM",
        }
    }

    /// Every error string with the statuses it comes with, for the OpenAPI document.
    pub const CODES: &'static [(&'static str, &'static [u16])] = &[
        ("INVALID_DATA", &[400, 405, 416]),
        ("INVALID_CUSTOMER", &[400]),
        ("PERMISSION_DENIED", &[401, 403]),
        ("KYC_REQUIRED", &[403]),
        ("KYC_OWNED_BY_PLATFORM", &[403]),
        ("KYC_DISABLED", &[403]),
        ("RET_NOT_FOUND", &[404]),
        ("INVALID_STATE", &[409]),
        ("STALE", &[409]),
        ("DOCUMENTS_MISSING", &[409]),
        ("TEMPLATE_INACTIVE", &[409]),
        ("RET_DUPLICATE_RECORD", &[409]),
        ("FRAME_TOO_LARGE", &[413]),
        ("FILE_TOO_LARGE", &[413]),
        ("UNSUPPORTED_FILE_TYPE", &[415]),
        ("RET_TOO_FREQUENT", &[429]),
        ("RET_TECH_PROBLEM", &[503]),
    ];

    /// When the caller may try again, in seconds.
    pub const fn retry_after_seconds(&self) -> Option<u32> {
        match self {
            Self::TooFrequent { retry_after_seconds } => Some(*retry_after_seconds),
            Self::Unavailable | Self::OutcomeUnknown | Self::NotGranted(_) => Some(1),
            _ => None,
        }
    }

    /// The members beside `error` and `message`. They never use the names that a TCP reply has of its own.
    fn details(&self) -> Value {
        match self {
            Self::InvalidData(problems) => json!({ "details": problems }),
            Self::KycRequired {
                level,
                status,
                current_level,
                kyc_id,
            } => json!({
                "kyc_required": true,
                "kyc_required_level": level,
                "kyc_status": status,
                "kyc_current_level": current_level,
                "kyc_profile_id": kyc_id,
            }),
            Self::InvalidState { current_status, .. } => json!({ "current_status": current_status }),
            Self::Stale { current, .. } => json!({ "current_version": current }),
            Self::DocumentsMissing { missing } => json!({ "missing": missing }),
            _ => Value::Null,
        }
    }

    /// The error body, the same over TCP and REST.
    pub fn body(&self) -> Map<String, Value> {
        let mut body = Map::new();
        body.insert("error".to_owned(), self.code().into());
        body.insert("message".to_owned(), self.to_string().into());
        if let Value::Object(details) = self.details() {
            body.extend(details);
        }
        body
    }
}
