//! `MngSetKycRiskLevel`: how risky a customer is held to be. High asks for a review, prohibited shuts the customer out.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::actor::Actor;
use crate::command::{AcceptedVersion, Change, Outcome, Target, profile_of};
use crate::event::{Action, Note};
use crate::id::{Brand, CustomerId, CustomerKey};
use crate::limits::REASON_CHARS_MAX;
use crate::rejection::Rejection;
use crate::status::RiskLevel;
use crate::work::{By, Work};

/// `review_reason` of a risk that became high.
const REVIEW_REASON: &str = "risk_high";

/// Whose risk, and which.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetRiskLevel {
    /// The customer.
    pub customer_id: CustomerId,
    /// The customer's brand.
    pub brand: Brand,
    /// The risk.
    pub risk_level: RiskLevel,
    /// Why.
    #[schemars(length(min = 1, max = REASON_CHARS_MAX))]
    pub reason: String,
}

impl Change for SetRiskLevel {
    type Reply = AcceptedVersion;

    fn target(&self, _actor: &Actor) -> Result<Target, Rejection> {
        Ok(Target::Customer(CustomerKey {
            brand: self.brand.clone(),
            customer_id: self.customer_id,
        }))
    }

    fn decide(&self, work: &mut Work) -> Result<Outcome<AcceptedVersion>, Rejection> {
        work.profile_id();
        let before = profile_of(&work.state)?.risk_level;
        work.change_profile(Action::ProfileRiskSet, Note::reason(&self.reason), |profile| {
            profile.risk_level = self.risk_level;
        });
        if self.risk_level == RiskLevel::High && before != RiskLevel::High {
            request_review(work, REVIEW_REASON);
        }
        work.recalculate();
        Ok(Outcome::Done(AcceptedVersion::at(profile_of(&work.state)?.version)))
    }
}

/// Asks for a person to look again; the first reason stands until somebody has.
fn request_review(work: &mut Work, reason: &str) {
    let now = work.now;
    work.set_by(By::System);
    work.change_profile(Action::ProfileReviewRequested, Note::reason(reason), |profile| {
        if profile.review_reason.is_none() {
            profile.review_reason = Some(reason.to_owned());
            profile.review_since = Some(now);
        }
    });
    work.set_by(By::Caller);
}
