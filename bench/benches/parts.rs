//! What a command is made of, within the process: its parameters, its decision, its audit rows, its statements; and what
//! requests are let in by. `cargo bench -p kyc-bench` compares with the last time.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use kyc_core::actor::{Actor, BrandScope};
use kyc_core::brand::{BrandState, Settings};
use kyc_core::command::{AnyChange, Call, Decided};
use kyc_core::commit::Commit;
use kyc_core::customer::CustomerState;
use kyc_core::id::{Brand, CustomerId, CustomerKey, TemplateId};
use kyc_core::record::Hash;
use kyc_core::signature::{is_signed, sign};
use kyc_core::status::{Flag, Session, StepType, TemplateStatus};
use kyc_core::template::Template;
use kyc_core::time::Time;
use kyc_core::work::{Context, Ids};
use kyc_core::{json, table};
use kyc_jwt::{Claims, Minter, Verifier};
use kyc_ports::tokens::Tokens;
use serde_json::{Value, json};

const NOW: Time = Time::from_seconds(1_800_000_000);
const STEP: i64 = 1;

fn brand() -> Brand {
    "acme".parse().expect("a brand")
}

fn template() -> Template {
    Template {
        id: TemplateId(1),
        brand: brand(),
        code: "identity".parse().expect("a code"),
        level: 1,
        name: "Who are you".to_owned(),
        description: String::new(),
        step_type: StepType::Questionnaire,
        required: Flag::Yes,
        status: TemplateStatus::Active,
        sort_index: 0,
        requirements: json!({}).into(),
        form_schema: json!({ "sections": [{ "title": "Identity", "fields": [
            { "name": "first_name", "type": "text", "required": true },
            { "name": "country", "type": "country", "required": true },
        ] }] })
        .into(),
        version: 1,
        created_time: NOW,
        updated_time: NOW,
    }
}

fn context() -> Context {
    Context {
        now: NOW,
        actor: Actor {
            session: Session::Manager,
            subject: "mary".to_owned(),
            scope: BrandScope::All,
            customer: None,
        },
        ids: Ids {
            profile: 1,
            step: STEP,
            ..Ids::NONE
        },
        settings: Settings::defaults(brand()),
        templates: vec![template()],
        files: Vec::new(),
        external_owner: None,
        tenant: None,
        delivery: None,
        seed: Hash::ZERO,
    }
}

fn change(command: &str, data: Value) -> Box<dyn AnyChange> {
    let Value::Object(data) = data else {
        panic!("parameters are an object")
    };
    match table::command(command).expect("a command").read(data) {
        Ok(Call::Change(change)) => change,
        other => panic!("{command}: {other:?}"),
    }
}

fn decided(state: &CustomerState, command: &str, data: Value) -> Decided {
    let decided = change(command, data).decide(state, &context()).expect("a decision");
    decided.outcome.as_ref().expect("a success");
    decided
}

/// A customer whose answers wait for a verdict.
fn waiting() -> CustomerState {
    let start = CustomerState::new(CustomerKey {
        brand: brand(),
        customer_id: CustomerId(7),
    });
    let level = json!({ "brand": "acme", "customer_id": 7, "level": 1 });
    let asked = decided(&start, "MngSetKycRequiredLevel", level).state;
    let answers = json!({ "id": STEP, "answers": { "first_name": "Ada", "country": "MT" } });
    decided(&asked, "MngSubmitKycStep", answers).state
}

fn commit_of(state: &CustomerState, decided: &Decided) -> Commit {
    let salts = std::iter::repeat(Hash::ZERO);
    Commit::of_customer(state, &decided.state, &decided.events, decided.queue.clone(), 1, salts)
}

fn command(criterion: &mut Criterion) {
    let state = waiting();
    let approve = json!({ "id": STEP, "comment": "matches the selfie" });
    let text = approve.to_string();
    criterion.bench_function("parameters of an approval", |bench| {
        bench.iter(|| {
            change(
                "MngApproveKycStep",
                json::parse(black_box(text.as_bytes())).expect("JSON"),
            )
        });
    });
    let (approval, context) = (change("MngApproveKycStep", approve.clone()), context());
    criterion.bench_function("decision of an approval", |bench| {
        bench.iter(|| approval.decide(black_box(&state), &context));
    });
    let approved = decided(&state, "MngApproveKycStep", approve);
    criterion.bench_function("audit rows of an approval", |bench| {
        bench.iter(|| commit_of(&state, black_box(&approved)));
    });
    let commit = commit_of(&state, &approved);
    criterion.bench_function("statements of an approval", |bench| {
        bench.iter_batched(|| commit.clone(), kyc_sql::commit::statements, BatchSize::SmallInput);
    });
}

fn letting_in(criterion: &mut Criterion) {
    let key = kyc_jwt::new_ed25519_key([7; 32]);
    let claims = Claims {
        sub: "mary".to_owned(),
        role: Session::Manager.number(),
        brands: None,
        customer_id: None,
        brand: None,
        exp: NOW.seconds() + 3_600,
        iss: None,
        aud: None,
    };
    let minter = Minter::ed25519(&key.private_pem).expect("a key");
    let token = minter.mint(&claims).expect("a token");
    let public = kyc_jwt::public_pem(&key.private_pem).expect("its public key");
    let verifier = Verifier::ed25519_public(&public).expect("a verifier");
    criterion.bench_function("token, Ed25519", |bench| {
        bench.iter(|| verifier.verify(black_box(&token), NOW));
    });
    let body = vec![b'x'; 500];
    let signature = sign("test_secret_1", "1800000000", &body);
    let secrets = ["test_secret_1".into()];
    criterion.bench_function("signature of a webhook", |bench| {
        bench.iter(|| is_signed(&secrets, "1800000000", black_box(&signature), &body));
    });
}

fn configuration(criterion: &mut Criterion) {
    let state = BrandState {
        tenant: None,
        head: kyc_core::stream::Head::EMPTY,
        settings: Settings::defaults(brand()),
        templates: (0..500).map(|_| template()).collect(),
    };
    criterion.bench_function("copy of a brand with 500 templates", |bench| {
        bench.iter_batched(|| &state, |state| black_box(state.clone()), BatchSize::SmallInput);
    });
}

criterion_group!(parts, command, letting_in, configuration);
criterion_main!(parts);
