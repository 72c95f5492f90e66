//! `MngLinkKycCustomer`: tells by which id the platform knows a customer.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::actor::Actor;
use crate::command::{AcceptedVersion, Change, Needs, Outcome, Target, profile_of};
use crate::customer::CustomerState;
use crate::event::{Action, Note};
use crate::id::{Brand, CustomerId, CustomerKey};
use crate::limits::EXTERNAL_ID_CHARS_MAX;
use crate::rejection::Rejection;
use crate::status::KycModel;
use crate::work::Work;

/// Which customer, and its external id.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkCustomer {
    /// The customer.
    pub customer_id: CustomerId,
    /// The customer's brand.
    pub brand: Brand,
    /// What the platform calls the customer: no control characters, not `.` or `..`.
    #[schemars(length(min = 1, max = EXTERNAL_ID_CHARS_MAX))]
    pub external_id: String,
}

/// Whether a platform may call a customer so: what has control characters, `.` and `..` are no segment of a path.
pub fn is_external_id(text: &str) -> bool {
    (1..=EXTERNAL_ID_CHARS_MAX).contains(&text.chars().count())
        && !text.chars().any(char::is_control)
        && !matches!(text, "." | "..")
}

impl Change for LinkCustomer {
    type Reply = AcceptedVersion;

    fn target(&self, _actor: &Actor) -> Result<Target, Rejection> {
        Ok(Target::Customer(CustomerKey {
            brand: self.brand.clone(),
            customer_id: self.customer_id,
        }))
    }

    fn needs(&self, _state: &CustomerState) -> Needs {
        Needs {
            external_id: Some(self.external_id.clone()),
            ..Needs::NONE
        }
    }

    /// A platform that owns KYC must be able to say whom it means.
    fn permitted(&self, model: Option<KycModel>) -> Result<(), Rejection> {
        match model {
            Some(KycModel::None) => Err(Rejection::KycDisabled),
            _ => Ok(()),
        }
    }

    fn decide(&self, work: &mut Work) -> Result<Outcome<AcceptedVersion>, Rejection> {
        if !is_external_id(&self.external_id) {
            return Err(Rejection::invalid(
                "external_id",
                "pattern",
                "must not be `.`, `..` or have control characters",
            ));
        }
        let owner = work.context.external_owner.take();
        if owner.is_some_and(|owner| owner != self.customer_id) {
            return Err(Rejection::Duplicate(
                "this external id is another customer's".to_owned(),
            ));
        }
        work.change_profile(Action::ProfileLinked, Note::default(), |profile| {
            profile.external_id = Some(self.external_id.clone());
            profile.linked = true;
        });
        work.recalculate();
        Ok(Outcome::Done(AcceptedVersion::at(profile_of(&work.state)?.version)))
    }
}
