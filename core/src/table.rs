//! The command table: every command once, with its TCP name, REST route and access.
//!
//! How to add a command:
//! 1. Write `core/src/<thing>/<verb>.rs`: its parameters, its reply, and one shape of [`command`](crate::command).
//! 2. Add its line here. TCP, REST, the access rule and the OpenAPI document follow from it.
//! 3. Give it a case in `tests/` (a test fails while it has none), and run `.ci/run docs`, which tells how to
//!    accept the new OpenAPI snapshot.

use std::sync::LazyLock;

use crate::actor::Access::{Admin, Customer, Manager};
use crate::command::Method::{Delete, Get, Patch, Post, Put};
use crate::command::{Changes, Command, Configures, Entry, Lists, Reconciles, STORAGE_MEMBERS, Views, ViewsBrand};
use crate::{audit, brand, customer, document, gate, outbound, profile, step, template, tenant};

static TABLE: LazyLock<Vec<Command>> = LazyLock::new(lines);

/// Every command.
pub fn table() -> &'static [Command] {
    &TABLE
}

/// The command of a name.
pub fn command(name: &str) -> Option<&'static Command> {
    TABLE.iter().find(|command| command.name == name)
}

#[rustfmt::skip]
fn lines() -> Vec<Command> {
    vec![
        Entry::<Configures, template::add::AddTemplate>::line("MngAddKycStepTemplate", &[Post], "/manager/kyc/templates", Manager, "Create a step template"),
        Entry::<Configures, template::update::UpdateTemplate>::line("MngUpdateKycStepTemplate", &[Put, Patch], "/manager/kyc/templates/{id}", Manager, "Change the given members of a step template"),
        Entry::<Configures, template::delete::DeleteTemplate>::line("MngDeleteKycStepTemplate", &[Delete], "/manager/kyc/templates/{id}", Manager, "Archive a step template"),
        Entry::<Lists, template::list::ListTemplates>::line("MngGetKycStepTemplates", &[Get], "/manager/kyc/templates", Manager, "List step templates"),
        Entry::<Views, profile::get::GetProfile>::line("MngGetKycProfile", &[Get], "/manager/kyc/profiles/{id}", Manager, "Get a profile with its steps, documents and customer aggregate"),
        Entry::<Lists, profile::list::ListProfiles>::line("MngGetKycProfiles", &[Get], "/manager/kyc/profiles", Manager, "List profiles"),
        Entry::<Views, step::get::GetStep>::line("MngGetKycStep", &[Get], "/manager/kyc/steps/{id}", Manager, "Get one step with its documents"),
        Entry::<Changes, step::require::RequireStep>::line("MngRequireKycStep", &[Post], "/manager/kyc/steps/require", Manager, "Attach a required step to a customer's profile"),
        Entry::<Changes, profile::set_required_level::SetRequiredLevel>::line("MngSetKycRequiredLevel", &[Post], "/manager/kyc/required-level", Manager, "Raise the level required of a customer"),
        Entry::<Changes, step::approve::ApproveStep>::line("MngApproveKycStep", &[Post], "/manager/kyc/steps/{id}/approve", Manager, "Approve a submitted step"),
        Entry::<Changes, step::reject::RejectStep>::line("MngRejectKycStep", &[Post], "/manager/kyc/steps/{id}/reject", Manager, "Reject a submitted step, or revoke an approval"),
        Entry::<Changes, document::add::AddDocument>::line("MngAddKycDocument", &[Post], "/manager/kyc/documents", Manager, "Attach a stored file to a profile").ignoring(STORAGE_MEMBERS),
        Entry::<Lists, document::list::ListDocuments>::line("MngGetKycDocuments", &[Get], "/manager/kyc/documents", Manager, "List documents"),
        Entry::<Changes, document::approve::ApproveDocument>::line("MngApproveKycDocument", &[Post], "/manager/kyc/documents/{id}/approve", Manager, "Approve a document"),
        Entry::<Changes, document::reject::RejectDocument>::line("MngRejectKycDocument", &[Post], "/manager/kyc/documents/{id}/reject", Manager, "Reject a document, or revoke its approval"),
        Entry::<Lists, audit::list::ListAudit>::line("MngGetKycAudit", &[Get], "/manager/kyc/audit", Manager, "Read audit rows, newest first"),
        Entry::<Changes, step::submit::SubmitStep>::line("MngSubmitKycStep", &[Post], "/manager/kyc/steps/{id}/submit", Manager, "Submit a step for the customer"),
        Entry::<Changes, step::skip::SkipStep>::line("MngSkipKycStep", &[Post], "/manager/kyc/steps/{id}/skip", Manager, "Skip a step that is no longer wanted"),
        Entry::<Changes, document::delete::DeleteDocument>::line("MngDeleteKycDocument", &[Delete], "/manager/kyc/documents/{id}", Manager, "Take a document out of use"),
        Entry::<Changes, profile::set_risk::SetRiskLevel>::line("MngSetKycRiskLevel", &[Post], "/manager/kyc/risk-level", Manager, "Set a customer's risk level"),
        Entry::<Changes, profile::review::ReviewProfile>::line("MngReviewKycProfile", &[Post], "/manager/kyc/profiles/{id}/review", Manager, "Record a review and clear its reason"),
        Entry::<Changes, profile::link::LinkCustomer>::line("MngLinkKycCustomer", &[Post], "/manager/kyc/customers/link", Manager, "Tell by which id the platform knows a customer"),
        Entry::<Lists, profile::history::GetHistory>::line("MngGetKycHistory", &[Get], "/manager/kyc/profiles/{id}/history", Manager, "Read a customer's timeline, newest first"),
        Entry::<ViewsBrand, brand::get::GetBrand>::line("MngGetKycBrand", &[Get], "/manager/kyc/brands/{brand}", Manager, "Get a brand's settings"),
        Entry::<Configures, brand::set::SetBrand>::line("MngSetKycBrand", &[Put], "/manager/kyc/brands/{brand}", Admin, "Change a brand's settings"),
        Entry::<Configures, tenant::add::AddTenant>::line("MngAddTenant", &[Post], "/manager/tenants", Admin, "Give a brand its tenant"),
        Entry::<Configures, tenant::update::UpdateTenant>::line("MngUpdateTenant", &[Patch], "/manager/tenants/{slug}", Admin, "Change a tenant"),
        Entry::<Lists, tenant::list::ListTenants>::line("MngGetTenants", &[Get], "/manager/tenants", Admin, "List tenants"),
        Entry::<Configures, tenant::rotate_secret::RotateTenantSecret>::line("MngRotateTenantSecret", &[Post], "/manager/tenants/{slug}/rotate-secret", Admin, "Make a new secret; the one before goes on for a while"),
        Entry::<Reconciles, tenant::reconcile::ReconcileTenant>::line("MngReconcileTenant", &[Post], "/manager/tenants/{slug}/reconcile", Admin, "Compare some players with what the platform holds"),
        Entry::<Configures, tenant::delete::DeleteTenant>::line("MngDeleteTenant", &[Delete], "/manager/tenants/{slug}", Admin, "Make a brand local again"),
        Entry::<Lists, outbound::list::ListDeliveries>::line("MngGetKycDeliveries", &[Get], "/manager/kyc/deliveries", Manager, "List calls to the platform, newest first"),
        Entry::<Changes, outbound::replay::ReplayDelivery>::line("MngReplayKycDelivery", &[Post], "/manager/kyc/deliveries/{id}/replay", Manager, "Send a dead call again"),
        Entry::<Changes, gate::CheckGate>::line("MngCheckRealAccountGate", &[Post], "/manager/kyc/gates/real-account", Manager, "Ask whether a customer may open a real account"),
        Entry::<Views, customer::status::GetStatus>::line("CustomerGetKycStatus", &[Get], "/customer/kyc", Customer, "What the customer is asked for, and where it stands"),
        Entry::<Views, customer::step::GetOwnStep>::line("CustomerGetKycStep", &[Get], "/customer/kyc/steps/{id}", Customer, "One of the customer's own steps"),
        Entry::<Changes, customer::submit::SubmitOwnStep>::line("CustomerSubmitKycStep", &[Post], "/customer/kyc/steps/{id}/submit", Customer, "Submit answers"),
        Entry::<Changes, customer::add_document::AddOwnDocument>::line("CustomerAddKycDocument", &[Post], "/customer/kyc/documents", Customer, "Offer an uploaded file as proof").ignoring(STORAGE_MEMBERS),
        Entry::<Views, customer::documents::ListOwnDocuments>::line("CustomerGetKycDocuments", &[Get], "/customer/kyc/documents", Customer, "The customer's own documents"),
    ]
}
