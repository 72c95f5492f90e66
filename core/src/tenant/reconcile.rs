//! `MngReconcileTenant`: looks a few players up at the platform and records where it holds something else.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::actor::{Actor, BrandScope};
use crate::command::{Change, Outcome, Target};
use crate::customer::CustomerState;
use crate::id::{Brand, CustomerId, CustomerKey, ProfileId, Slug};
use crate::outbound::{Delivery, Lookup, ToldStatus};
use crate::query::{Filter, ProfileFilter, Query};
use crate::rejection::Rejection;
use crate::status::{CallKind, DeliveryStatus, Flag, KycModel, KycStatus};
use crate::tenant::Tenant;
use crate::work::{By, Work};

/// Which tenant, from where on.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReconcileTenant {
    /// The tenant.
    pub slug: Slug,
    /// `next_cursor` of the part before; from the first customer if absent.
    #[schemars(length(max = 200))]
    pub cursor: Option<String>,
    /// Whether the platform is told our state again where it differs (`crm_owns` only): 0 or 1.
    pub push: Option<Flag>,
}

/// What was found in one second's worth of lookups.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReconcileReply {
    /// Players that were compared.
    pub checked: i64,
    /// Customers passed over: calls about them are under way, or the platform has no name for them.
    pub skipped: i64,
    /// Players whom the platform gave no answer about.
    pub failed: i64,
    /// Where the platform holds something else.
    pub drift: Vec<Drift>,
    /// Give it as `cursor`, a second later, for the next part; null at the end.
    pub next_cursor: Option<String>,
}

/// A player of whom the platform holds something else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Drift {
    /// The customer.
    pub customer_id: CustomerId,
    /// The profile.
    pub kyc_id: ProfileId,
    /// The platform's name for the customer.
    pub player_external_id: String,
    /// What it should hold.
    pub ours: Standing,
    /// What it holds.
    pub theirs: Standing,
}

/// A status and a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Standing {
    /// The status.
    pub kyc_status: KycStatus,
    /// The level, 0..10.
    pub kyc_level: i64,
}

impl From<Lookup> for Standing {
    fn from(lookup: Lookup) -> Self {
        Self {
            kyc_status: lookup.status,
            kyc_level: lookup.level,
        }
    }
}

impl ReconcileTenant {
    /// The customers to look at, in the order they came.
    pub fn query(&self, brand: &Brand, limit: i64) -> Result<Query, Rejection> {
        let filter = Filter::Profiles(ProfileFilter {
            brand: Some(brand.clone()),
            ..ProfileFilter::default()
        });
        let page = filter.page(Some(limit), self.cursor.as_deref(), None)?;
        Ok(Query {
            filter,
            scope: BrandScope::All,
            page,
        })
    }
}

/// Whether calls about the customer are still under way.
pub fn is_under_way(state: &CustomerState) -> bool {
    state.deliveries.iter().any(Delivery::is_open)
}

/// The last verdict that this tenant's platform took from us: a replayed call is older than when it was taken.
fn last_told<'a>(state: &'a CustomerState, tenant: &Tenant) -> Option<&'a Delivery> {
    let taken = |delivery: &&Delivery| {
        delivery.call == CallKind::Update
            && delivery.status == DeliveryStatus::Delivered
            && delivery.tenant_id == tenant.tenant_id
    };
    state
        .deliveries
        .iter()
        .filter(taken)
        .max_by_key(|delivery| (delivery.settled_time, delivery.id))
}

/// What the platform was last told; none at level 0 if nothing.
fn told(state: &CustomerState, tenant: &Tenant) -> Standing {
    let told = last_told(state, tenant).and_then(Delivery::told);
    told.map_or(Standing::NOTHING, |told| Standing {
        kyc_status: match told.status {
            ToldStatus::Verified => KycStatus::Verified,
            ToldStatus::Rejected => KycStatus::Rejected,
        },
        kyc_level: told.level,
    })
}

/// What the platform should hold, where it holds something else: the verdict that it was last told, or, where it
/// decides too, what has become of both sides' verdicts.
pub fn drifted(state: &CustomerState, tenant: &Tenant, theirs: Standing) -> Option<Standing> {
    let told = told(state, tenant);
    if told.is_held_as(theirs) {
        return None;
    }
    if tenant.kyc_model != KycModel::Dual {
        return Some(told);
    }
    let profile = state.profile.as_ref();
    let ours = profile.map_or(Standing::NOTHING, |profile| Standing {
        kyc_status: profile.kyc_status,
        kyc_level: profile.kyc_level,
    });
    (!ours.is_held_as(theirs)).then_some(ours)
}

impl Standing {
    const NOTHING: Self = Self {
        kyc_status: KycStatus::None,
        kyc_level: 0,
    };

    /// Whether a platform that holds `theirs` holds this. Expired and rejected are one to it; what is pending here it
    /// has not been told.
    fn is_held_as(self, theirs: Self) -> bool {
        let class = |status| match status {
            KycStatus::None | KycStatus::Pending => KycStatus::None,
            KycStatus::Rejected | KycStatus::Expired => KycStatus::Rejected,
            KycStatus::Verified => KycStatus::Verified,
        };
        match (class(self.kyc_status), class(theirs.kyc_status)) {
            // No verdict on either side: a level would mean nothing.
            (KycStatus::None, KycStatus::None) => true,
            (own, others) => own == others && self.kyc_level == theirs.kyc_level,
        }
    }
}

/// Records a drift in the customer's stream.
#[derive(Debug)]
pub struct RecordDrift {
    /// Whose.
    pub customer: CustomerKey,
    /// The tenant whose platform was asked.
    pub tenant_id: String,
    /// What was found.
    pub drift: Drift,
    /// Whether the platform is told again.
    pub push: bool,
}

impl Change for RecordDrift {
    /// Whether it was recorded.
    type Reply = bool;

    fn target(&self, _actor: &Actor) -> Result<Target, Rejection> {
        Ok(Target::Customer(self.customer.clone()))
    }

    fn decide(&self, work: &mut Work) -> Result<Outcome<bool>, Rejection> {
        // Since the platform was asked something may have been decided, or may have lapsed just now: what follows from
        // that it is still to be told, and the verdict before must not be told after it.
        if !work.events().is_empty() || !self.is_still_so(work) {
            return Ok(Outcome::Done(false));
        }
        let model = work.context.model();
        work.set_by(By::Outbound);
        let data = json!({ "ours": self.drift.ours, "theirs": self.drift.theirs });
        work.record_drift(self.drift.ours.kyc_level, data, model == Some(KycModel::Dual));
        if self.push && model == Some(KycModel::CrmOwns) {
            let tenant = work.context.tenant.clone();
            let told = tenant.and_then(|tenant| last_told(&work.state, &tenant).cloned());
            if let Some(told) = told {
                work.tell_again(&told);
            }
        }
        work.set_by(By::Caller);
        Ok(Outcome::Done(true))
    }
}

impl RecordDrift {
    /// Whether no call is under way and the platform would still be found to hold something else.
    fn is_still_so(&self, work: &Work) -> bool {
        let tenant = work.context.tenant.as_ref();
        let tenant = tenant.filter(|tenant| tenant.tenant_id == self.tenant_id && tenant.kyc_model.calls_out());
        tenant.is_some_and(|tenant| {
            !is_under_way(&work.state) && drifted(&work.state, tenant, self.drift.theirs) == Some(self.drift.ours)
        })
    }
}
