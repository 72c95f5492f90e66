//! `MngGetKycProfile`: a profile with its steps, documents and the customer aggregate.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::command::{Shown, Target, View, profile_of};
use crate::document::DocumentView;
use crate::history::HistoryView;
use crate::id::{Brand, CustomerId, CustomerKey, ProfileId};
use crate::profile::ProfileView;
use crate::rejection::Rejection;
use crate::status::KycStatus;
use crate::step::StepView;
use crate::time::Seconds;

/// Which profile: `id`, or `customer_id` and `brand`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetProfile {
    /// The profile.
    pub id: Option<ProfileId>,
    /// Or the customer,
    pub customer_id: Option<CustomerId>,
    /// of this brand.
    pub brand: Option<Brand>,
}

/// The customer aggregate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CustomerView {
    /// none, pending, verified, rejected or expired.
    pub kyc_status: KycStatus,
    /// 0..10.
    pub kyc_level: i64,
    /// The latest step or level change.
    pub kyc_last_event_at: Option<Seconds>,
    /// When the level lapses.
    pub kyc_expires_at: Option<Seconds>,
    /// The newest 100 entries, newest first.
    pub kyc_history: Vec<HistoryView>,
}

/// The whole picture of a customer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProfileReply {
    /// The profile.
    pub profile: ProfileView,
    /// Its steps.
    pub steps: Vec<StepView>,
    /// Its documents.
    pub documents: Vec<DocumentView>,
    /// The customer aggregate.
    pub customer: CustomerView,
}

impl View for GetProfile {
    type Reply = ProfileReply;
    const SHOWS_HISTORY: bool = true;

    fn target(&self, _actor: &Actor) -> Result<Target, Rejection> {
        match (self.id, self.customer_id, &self.brand) {
            (Some(id), _, _) => Ok(Target::Profile(id)),
            (None, Some(customer_id), Some(brand)) => Ok(Target::Customer(CustomerKey {
                brand: brand.clone(),
                customer_id,
            })),
            _ => Err(Rejection::invalid(
                "id",
                "required",
                "give `id`, or `customer_id` and `brand`",
            )),
        }
    }

    fn show(&self, shown: &Shown<'_>) -> Result<ProfileReply, Rejection> {
        let profile = profile_of(shown.state)?;
        let differs = self.customer_id.is_some_and(|id| id != profile.customer_id)
            || self.brand.as_ref().is_some_and(|brand| *brand != profile.brand);
        if differs {
            return Err(Rejection::NotFound("profile"));
        }
        Ok(ProfileReply {
            profile: profile.into(),
            steps: shown.state.steps.iter().map(StepView::from).collect(),
            documents: shown.state.documents.iter().map(DocumentView::from).collect(),
            customer: CustomerView {
                kyc_status: profile.kyc_status,
                kyc_level: profile.kyc_level,
                kyc_last_event_at: profile.kyc_last_event_at.map(Seconds::from),
                kyc_expires_at: profile.kyc_expires_at.map(Seconds::from),
                kyc_history: shown.history.iter().map(HistoryView::from).collect(),
            },
        })
    }
}
