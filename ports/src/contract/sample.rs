//! Things to store: every member has a value, and no two the same, so that a swapped column shows.

use kyc_core::actor::BrandScope;
use kyc_core::brand::{BrandState, Settings};
use kyc_core::command::TemplateNeed;
use kyc_core::commit::{Commit, KeptReply};
use kyc_core::configure::BrandWrites;
use kyc_core::customer::CustomerState;
use kyc_core::document::Document;
use kyc_core::event::{Action, Event, History, Note, Subject};
use kyc_core::file::FileMeta;
use kyc_core::id::{
    Brand, Code, CustomerId, CustomerKey, DeliveryId, DocumentId, FileId, ProfileId, Slug, StepId, TemplateId,
};
use kyc_core::json::Json;
use kyc_core::level::LevelEntry;
use kyc_core::outbound::Delivery;
use kyc_core::profile::Profile;
use kyc_core::query::{Filter, Page, Query, Rows};
use kyc_core::record::{Hash, Members};
use kyc_core::status::{
    CallKind, DeliveryStatus, DocumentStatus, Flag, KycModel, KycStatus, LevelEvent, ProfileStatus, RiskLevel,
    SecretKind, Session, StepStatus, StepType, TemplateStatus,
};
use kyc_core::step::Step;
use kyc_core::template::Template;
use kyc_core::tenant::{SealedSecret, SecretNote, Secrets, Tenant};
use kyc_core::time::{Seconds, Time};
use serde_json::{Value, json};

use crate::store::{Store, StoreError, Wanted};

/// A time that uses all its digits, so many seconds after the samples' beginning.
pub(super) fn at(seconds: i64) -> Time {
    Time(1_700_000_000_123_457).plus_seconds(seconds)
}

pub(super) fn brand(name: &str) -> Brand {
    name.parse().unwrap()
}

pub(super) fn code(name: &str) -> Code {
    name.parse().unwrap()
}

pub(super) fn customer(brand_name: &str, number: i64) -> CustomerKey {
    CustomerKey {
        brand: brand(brand_name),
        customer_id: CustomerId(number),
    }
}

pub(super) fn profile(key: &CustomerKey, id: i64) -> Profile {
    Profile {
        id: ProfileId(id),
        brand: key.brand.clone(),
        customer_id: key.customer_id,
        external_id: Some(format!("ext-{id}")),
        linked: true,
        status: ProfileStatus::Pending,
        current_level: 1,
        required_level: 2,
        risk_level: RiskLevel::Medium,
        review_reason: Some("risk_high".to_owned()),
        review_since: Some(at(id + 1)),
        pending_steps: 3,
        oldest_submitted_time: Some(at(id + 2)),
        expires_time: Some(at(id + 3)),
        kyc_status: KycStatus::Verified,
        kyc_level: 4,
        kyc_last_event_at: Some(at(id + 4)),
        kyc_expires_at: Some(at(id + 5)),
        version: 5,
        created_time: at(id + 6),
        updated_time: at(id + 7),
    }
}

pub(super) fn step(profile: &Profile, id: i64) -> Step {
    Step {
        id: StepId(id),
        kyc_id: profile.id,
        customer_id: profile.customer_id,
        brand: profile.brand.clone(),
        template_id: TemplateId(id + 1),
        code: code(&format!("step-{id}")),
        level: 1,
        name: "Identität 🪪".to_owned(),
        step_type: StepType::Mixed,
        required: Flag::Yes,
        status: StepStatus::Approved,
        requirements: json!({ "documents": ["passport"], "valid_days": 2 }).into(),
        form_schema: json!({ "sections": [] }).into(),
        answers: Some(json!({ "name": "O'Hara \"\\\u{0}\u{7f}" }).into()),
        reason: Some("CODE".to_owned()),
        comment: Some("for colleagues".to_owned()),
        customer_message: Some("for the customer".to_owned()),
        submitted_time: Some(at(id + 2)),
        reviewed_time: Some(at(id + 3)),
        reviewed_by: Some("m-1".to_owned()),
        expires_time: Some(at(id + 4)),
        round: 5,
        announced: true,
        version: 6,
        created_time: at(id + 5),
        updated_time: at(id + 6),
    }
}

/// A step in which all that may be absent is.
pub(super) fn bare_step(profile: &Profile, id: i64) -> Step {
    Step {
        status: StepStatus::Required,
        answers: None,
        reason: None,
        comment: None,
        customer_message: None,
        submitted_time: None,
        reviewed_time: None,
        reviewed_by: None,
        expires_time: None,
        announced: false,
        ..step(profile, id)
    }
}

pub(super) fn document(profile: &Profile, id: i64, step_id: Option<i64>) -> Document {
    Document {
        id: DocumentId(id),
        kyc_id: profile.id,
        customer_id: profile.customer_id,
        brand: profile.brand.clone(),
        step_id: step_id.map(StepId),
        document_type: "passport".to_owned(),
        status: DocumentStatus::Approved,
        file_id: file_id(id),
        file_name: "Reisepaß.pdf".to_owned(),
        content_type: "application/pdf".to_owned(),
        file_size: 7_000_000_000,
        checksum: "c0ffee".to_owned(),
        expires_time: Some(at(id + 1)),
        reason: Some("CODE".to_owned()),
        comment: Some("for colleagues".to_owned()),
        customer_message: Some("for the customer".to_owned()),
        round: 2,
        version: 3,
        created_time: at(id + 2),
        updated_time: at(id + 3),
    }
}

/// A document in which all that may be absent is.
pub(super) fn bare_document(profile: &Profile, id: i64) -> Document {
    Document {
        status: DocumentStatus::Deleted,
        expires_time: None,
        reason: None,
        comment: None,
        customer_message: None,
        ..document(profile, id, None)
    }
}

pub(super) fn template(brand: &Brand, id: i64, name: &str) -> Template {
    Template {
        id: TemplateId(id),
        brand: brand.clone(),
        code: code(name),
        level: 1,
        name: "Adresse".to_owned(),
        description: "eine Rechnung".to_owned(),
        step_type: StepType::Questionnaire,
        required: Flag::Yes,
        status: TemplateStatus::Active,
        sort_index: -2,
        requirements: json!({ "all_documents": ["bill"] }).into(),
        form_schema: json!({ "sections": [{ "fields": [] }] }).into(),
        version: 3,
        created_time: at(id + 1),
        updated_time: at(id + 2),
    }
}

pub(super) fn settings(brand: &Brand) -> Settings {
    Settings {
        brand: brand.clone(),
        kyc_required_for_real: Flag::No,
        real_account_level: 2,
        comment_to_customer: Flag::Yes,
        version: 3,
        created_time: Some(at(1)),
        updated_time: Some(at(2)),
    }
}

pub(super) fn slug(name: &str) -> Slug {
    name.parse().unwrap()
}

/// A tenant with two secrets, whose numbers are ten times its own and one or two more.
pub(super) fn tenant(brand: &Brand, id: i64, slug_name: &str) -> Tenant {
    Tenant {
        id,
        tenant_id: format!("tenant-{id}"),
        slug: slug(slug_name),
        brand: brand.clone(),
        kyc_model: KycModel::Dual,
        base_url: Some("https://plattform.example/kyc".to_owned()),
        create_players: Flag::Yes,
        allow_private_network: Flag::No,
        webhook_rate: 201,
        webhook_burst: 1_002,
        lookup_rate: 13,
        secrets: Secrets(vec![secret_note(id * 10 + 1), secret_note(id * 10 + 2)]),
        version: 4,
        created_time: at(id + 5),
        updated_time: at(id + 6),
    }
}

/// What a tenant knows of a secret; every other one has an end.
pub(super) fn secret_note(number: i64) -> SecretNote {
    SecretNote {
        secret_id: format!("secret-{number}"),
        kind: if number % 2 == 0 {
            SecretKind::Outbound
        } else {
            SecretKind::Webhook
        },
        created_time: at(number).into(),
        until: (number % 2 == 0).then(|| Seconds::from(at(number + 1))),
    }
}

/// The same secret's bytes.
pub(super) fn sealed(brand: &Brand, number: i64) -> SealedSecret {
    SealedSecret {
        secret_id: secret_note(number).secret_id,
        brand: brand.clone(),
        sealed: format!("sealed+/{number}="),
    }
}

pub(super) fn delivery(profile: &Profile, id: i64) -> Delivery {
    Delivery {
        id: DeliveryId(id),
        brand: profile.brand.clone(),
        customer_id: profile.customer_id,
        kyc_id: profile.id,
        tenant_id: "tenant-1".to_owned(),
        kyc_model: KycModel::CrmOwns,
        player_external_id: Some("Spieler/ü 1".to_owned()),
        idempotency_key: format!("key-{id}"),
        call: CallKind::Update,
        level: 3,
        body: json!({ "level": 3, "status": "verified", "reason": "O'Hara \"\\\u{0}" }).into(),
        status: DeliveryStatus::Queued,
        queued_time: at(id),
        settled_time: Some(at(id + 1)),
        code: Some("CODE".to_owned()),
        message: Some("not today".to_owned()),
        provider_ref: Some("case-1".to_owned()),
        version: 6,
    }
}

/// A call in which all that may be absent is.
pub(super) fn bare_delivery(profile: &Profile, id: i64) -> Delivery {
    Delivery {
        kyc_model: KycModel::Dual,
        player_external_id: None,
        call: CallKind::Initiate,
        settled_time: None,
        code: None,
        message: None,
        provider_ref: None,
        ..delivery(profile, id)
    }
}

/// An accepted webhook's entry of the level log.
pub(super) fn entry(profile: &Profile, number: i64) -> LevelEntry {
    LevelEntry {
        kyc_id: profile.id,
        number,
        brand: profile.brand.clone(),
        customer_id: profile.customer_id,
        event: LevelEvent::Approved,
        level: 3,
        ts: at(-number),
        expires_at: Some(at(number + 1_000)),
        slug: Some(slug("north")),
        event_id: Some(format!("evt-{number}")),
        body_hash: Some(Hash([number as u8; 32])),
        accepted: Flag::Yes,
    }
}

/// An entry of what happened here: all that may be absent is.
pub(super) fn bare_entry(profile: &Profile, number: i64) -> LevelEntry {
    LevelEntry {
        expires_at: None,
        slug: None,
        event_id: None,
        body_hash: None,
        ..entry(profile, number)
    }
}

pub(super) fn file_id(number: i64) -> FileId {
    let mut bytes = [7; 16];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    FileId::from_random(bytes)
}

pub(super) fn file(number: i64, owner: Option<&CustomerKey>) -> FileMeta {
    FileMeta {
        file_id: file_id(number),
        extension: "pdf".to_owned(),
        file_name: "Reisepaß.pdf".to_owned(),
        content_type: "application/pdf".to_owned(),
        file_size: 7_000_000_000,
        checksum: "c0ffee".to_owned(),
        brand: owner.map(|owner| owner.brand.clone()),
        customer_id: owner.map(|owner| owner.customer_id),
        uploaded_session: Session::CrmAdmin,
        uploaded_by: "m-1".to_owned(),
        claimed: false,
        created_time: at(number),
    }
}

pub(super) fn kept(subject: &str, command: &str, key: &str) -> KeptReply {
    KeptReply {
        subject: subject.to_owned(),
        command: command.to_owned(),
        key: key.to_owned(),
        request_hash: Hash([9; 32]),
        body: json!({ "accepted": true, "version": 2 }).into(),
        created_time: at(0),
    }
}

/// An event about the whole profile; change what another one needs.
pub(super) fn event(kyc_id: Option<ProfileId>) -> Event {
    Event {
        action: Action::ProfileRecalculated,
        subject: Subject {
            kyc_id,
            ..Subject::default()
        },
        actor_type: Session::Manager,
        actor_id: "m-1".to_owned(),
        note: Note {
            source: Some("desk".to_owned()),
            reason: Some("CODE".to_owned()),
            comment: Some("for colleagues".to_owned()),
        },
        time: at(10),
        before: Some(members(json!({ "current_level": 0 }))),
        after: Some(members(json!({ "current_level": 1 }))),
        body: Some(json!({ "raw": "came in" })),
        history: kyc_id.map(|_| history()),
        log: Vec::new(),
    }
}

pub(super) fn members(object: Value) -> Members {
    match object {
        Value::Object(members) => members.into_iter().map(|(name, value)| (name.into(), value)).collect(),
        other => panic!("{other} is no object"),
    }
}

fn history() -> History {
    History {
        ts: at(9),
        source: "manager".to_owned(),
        event: "kyc.approved".to_owned(),
        level: 1,
        from: KycStatus::Pending,
        to: KycStatus::Verified,
        applied: true,
        reason: Some("CODE".to_owned()),
        actor: Some("m-1".to_owned()),
        data: Some(json!({ "step_id": 4 })),
        event_id: Some("evt-ü".to_owned()),
        also_effective: vec!["evt-1".to_owned(), "evt-2".to_owned()],
        no_longer_effective: vec!["evt-3".to_owned()],
    }
}

/// A new customer: a profile with this id, and nothing else.
pub(super) fn new_customer(key: &CustomerKey, profile_id: i64) -> CustomerState {
    CustomerState {
        profile: Some(profile(key, profile_id)),
        ..CustomerState::new(key.clone())
    }
}

pub(super) fn profile_mut(state: &mut CustomerState) -> &mut Profile {
    state.profile.as_mut().unwrap()
}

/// The commit that takes one loaded state to another, with events.
pub(super) async fn commit_of(
    store: &dyn Store,
    before: &CustomerState,
    after: &CustomerState,
    events: &[Event],
) -> Commit {
    let first_id = audit_ids(store, events.len()).await;
    let mut after = after.clone();
    after.head.due_time = after.due_time(None, at(0));
    Commit::of_customer(before, &after, events, Vec::new(), first_id, salts(events.len()))
}

pub(super) async fn brand_commit_of(store: &dyn Store, before: &BrandState, after: &BrandState) -> Commit {
    let event = Event {
        action: Action::BrandUpdated,
        ..event(None)
    };
    let first_id = audit_ids(store, 1).await;
    Commit::of_brand(before, after, &[event], BrandWrites::default(), first_id, salts(1))
}

async fn audit_ids(store: &dyn Store, count: usize) -> i64 {
    let wanted = Wanted {
        audit: count as i64,
        ..Wanted::default()
    };
    store.reserve(wanted).await.unwrap().audit
}

fn salts(count: usize) -> impl Iterator<Item = Hash> {
    (1..=count).map(|number| Hash([number as u8; 32]))
}

/// Commits a customer's rows as they should be, whatever they were; gives the state as it must then be loaded.
pub(super) async fn put(store: &dyn Store, after: &CustomerState) -> Result<CustomerState, StoreError> {
    let kyc_id = after.profile.as_ref().map(|profile| profile.id);
    put_with(store, after, &[event(kyc_id)]).await
}

pub(super) async fn put_with(
    store: &dyn Store,
    after: &CustomerState,
    events: &[Event],
) -> Result<CustomerState, StoreError> {
    let before = store.customer(&after.key).await?;
    let commit = commit_of(store, &before, after, events).await;
    let head = commit.head;
    store.commit(commit).await?;
    Ok(CustomerState { head, ..after.clone() })
}

/// Commits new entries of a customer's level log; gives the state as it must then be loaded.
pub(super) async fn put_entries(
    store: &dyn Store,
    state: &CustomerState,
    entries: &[LevelEntry],
) -> Result<CustomerState, StoreError> {
    let kyc_id = state.profile.as_ref().map(|profile| profile.id);
    let event = Event {
        log: entries.to_vec(),
        ..event(kyc_id)
    };
    let mut after = state.clone();
    after.log.extend_from_slice(entries);
    put_with(store, &after, &[event]).await
}

/// The commit that gives a brand this tenant, or takes it away, and keeps the secrets with these numbers.
pub(super) async fn tenant_commit(
    store: &dyn Store,
    brand: &Brand,
    tenant: Option<&Tenant>,
    secrets: &[i64],
) -> Commit {
    let before = store.brand(brand, &TemplateNeed::None).await.unwrap();
    let after = BrandState {
        tenant: tenant.cloned(),
        ..before.clone()
    };
    let mut commit = brand_commit_of(store, &before, &after).await;
    commit.secrets = secrets.iter().map(|number| sealed(brand, *number)).collect();
    commit
}

pub(super) async fn put_tenant(store: &dyn Store, brand: &Brand, tenant: Option<&Tenant>, secrets: &[i64]) {
    let commit = tenant_commit(store, brand, tenant, secrets).await;
    store.commit(commit).await.unwrap();
}

/// Commits a brand's rows; `after` must hold all of its templates that change.
pub(super) async fn put_brand(store: &dyn Store, after: &BrandState) -> Result<BrandState, StoreError> {
    let before = store.brand(&after.settings.brand, &TemplateNeed::None).await?;
    let commit = brand_commit_of(store, &before, after).await;
    let head = commit.head;
    store.commit(commit).await?;
    Ok(BrandState { head, ..after.clone() })
}

pub(super) fn brand_with(name: &str, templates: Vec<Template>) -> BrandState {
    let settings = Settings::defaults(brand(name));
    BrandState {
        head: kyc_core::stream::Head::EMPTY,
        settings,
        templates,
        tenant: None,
    }
}

/// The first rows of a list, for everybody's eyes.
pub(super) async fn list(store: &dyn Store, filter: Filter) -> Rows {
    let page = Page {
        limit: 1_000,
        after: None,
        offset: 0,
    };
    store
        .list(&Query {
            filter,
            scope: BrandScope::All,
            page,
        })
        .await
        .unwrap()
}

pub(super) fn json(value: Value) -> Json {
    Json::from(value)
}
