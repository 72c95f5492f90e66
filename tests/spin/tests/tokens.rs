//! Each kind of key that tokens can be verified with, in the components: what fits is taken, all else is not.

use kyc_jwt::{Minter, new_ed25519_key};
use kyc_spin_host::Reuse;
use kyc_spin_tests::{Spin, now, options};
use serde_json::{Value, json};

/// The public part of a key that was made for this test and thrown away.
const RS256_JWKS: &str = "{\"keys\":[{\"kty\":\"RSA\",\"alg\":\"RS256\",\"n\":\"veP3AqnE579gv_nGS6DTUZQvP2VcfwFAeZlQ3gagoDwAkVHD4D_O4ZDVppj\
    JERBAjnc3Gbp0U23OmRmnGGJSz0VzhHJpKGTMyvSIaqH0-j9BU7XS2shFVMrcL6raT-JnbzwMyvayoDW9py0Je5lKqGxTx-qh9XX\
    RxVAoxszdPKfcDLLZRqpjul2hnOOML0Y05fmOMt2MYCtteh3T9yVQdAUc2wbDJHFNERz4md5QHhQbMBOIwJ0gcDUaR_8_htafexK\
    o4KAYl-DWX0QPS5ArTdZzwYALaQb9KFTI-HW6piVpdE84TlDkJmNYOOBA9rMQCaiGaBcyFhzd0H9WPLy3Xw\",\"e\":\"AQAB\"}]}";
/// A manager, until the year 2100, signed with it.
const RS256_TOKEN: &str = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJtYXJ5Iiwicm9sZSI6MSwiZXhwIjo0MTAyNDQ0ODAwfQ.Uq5ztRdt\
    0jMnDwZhlRhWNa7Pp5xZbQcyDEue5iq3SDRGqLwRKR3MIAe4x6FRCxwYHtrgg6kdEt3Ukql9eJhkCP9ah1bZPIZg9rQwKsxjwUXU\
    TQeNtMp_rJMHi6ncyuLaM0VPrzunYvVABink3Rg5AG1rBiV-Bdh9iMWsf31QNsCbH1h749TmbBkpL3aH0os6Y5YEsiKz-dUyJ9O-\
    TYQWUG0HFcoRN48ZW4ymQEUU0SCmQXGyknsnlBMqkQevEX0fHImu2kml-KGhgHicGjY_-yLgupFy6H1PUGHaRbHG5q0u4dtgC9Rq\
    y8eYMelaKBa2h6B0bOoGEB9VyyRku2dyLQ";
/// The public part of another such key.
const ES256_JWKS: &str = "{\"keys\":[{\"kty\":\"EC\",\"alg\":\"ES256\",\"crv\":\"P-256\",\"x\":\"22VrGLaOqnb0120bUHoWCl96FTEABE5yeuztCB7A4zA\",\"\
    y\":\"143sVlzJGUmaVvu8aTC53tR3YRPgACcsNeXXURwOhaE\"}]}";
/// A manager, until the year 2100, signed with that.
const ES256_TOKEN: &str = "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJtYXJ5Iiwicm9sZSI6MSwiZXhwIjo0MTAyNDQ0ODAwfQ.0e5wNbsg\
    SYpKaiBBuisRgxuaeAR6qYkt7i7oXFQJqNLjnFUebpfdcf4TAAuirNExuuu9KIbJiOmzYbdbnz0sZg";

fn with(variables: &[(&str, &str)]) -> Spin {
    let mut options = options(Reuse::SPIN);
    for (name, value) in variables {
        options.variables.insert((*name).to_owned(), (*value).to_owned());
    }
    Spin::with(options)
}

/// The statuses of one request to each component that takes tokens.
fn asked(spin: &Spin, token: &str) -> [u16; 2] {
    let rest = spin.rest(token);
    let file = "/files/00000000-0000-4000-8000-000000000000";
    [rest.get("/manager/kyc/profiles").status, rest.get(file).status]
}

const TAKEN: [u16; 2] = [200, 404];
const REFUSED: [u16; 2] = [401, 401];

fn minted(minter: &Minter, more: &Value) -> String {
    let mut claims = json!({ "sub": "mary", "role": 1, "exp": now() + 3_600 });
    claims
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    minter.mint(&serde_json::from_value(claims).unwrap()).unwrap()
}

#[test]
fn the_default_is_an_ed25519_key_in_pem_form() {
    let (ours, other) = (new_ed25519_key([7; 32]), new_ed25519_key([8; 32]));
    let mut options = options(Reuse::SPIN);
    options.variables.remove("token_algorithm");
    options
        .variables
        .insert("token_key".to_owned(), ours.public_pem.clone());
    let spin = Spin::with(options);
    let token = |pem: &str| minted(&Minter::ed25519(pem).unwrap(), &json!({}));
    assert_eq!(asked(&spin, &token(&ours.private_pem)), TAKEN);
    assert_eq!(asked(&spin, &token(&other.private_pem)), REFUSED);
    assert_eq!(asked(&spin, ES256_TOKEN), REFUSED);
    spin.counters();
}

#[test]
fn keys_of_other_algorithms_come_in_a_document() {
    for (algorithm, jwks, token, other) in [
        ("RS256", RS256_JWKS, RS256_TOKEN, ES256_TOKEN),
        ("ES256", ES256_JWKS, ES256_TOKEN, RS256_TOKEN),
    ] {
        let spin = with(&[("token_algorithm", algorithm), ("token_key", jwks)]);
        assert_eq!(asked(&spin, token), TAKEN, "{algorithm}");
        assert_eq!(asked(&spin, other), REFUSED, "{algorithm}");
        let cut = format!("{}x{}", &token[..token.len() - 9], &token[token.len() - 8..]);
        assert_eq!(asked(&spin, &cut), REFUSED, "{algorithm}");
        spin.counters();
    }
}

#[test]
fn a_secret_may_begin_with_a_brace_and_a_document_may_hold_one() {
    let secret = "{this is a secret that guards nothing, at all}";
    let token = minted(&Minter::shared_secret(secret.as_bytes()).unwrap(), &json!({}));
    let spin = with(&[("token_algorithm", "HS256"), ("token_key", secret)]);
    assert_eq!(asked(&spin, &token), TAKEN);
    // Base64 of the same secret.
    let jwk =
        json!({ "kty": "oct", "alg": "HS256", "k": "e3RoaXMgaXMgYSBzZWNyZXQgdGhhdCBndWFyZHMgbm90aGluZywgYXQgYWxsfQ" });
    let document = json!({ "keys": [jwk] }).to_string();
    let spin = with(&[("token_algorithm", "HS256"), ("token_key", &document)]);
    assert_eq!(asked(&spin, &token), TAKEN);
    let as_secret = minted(&Minter::shared_secret(document.as_bytes()).unwrap(), &json!({}));
    assert_eq!(asked(&spin, &as_secret), REFUSED, "the document is no secret");
}

#[test]
fn issuer_and_audience_are_looked_at_where_they_are_given() {
    let minter = Minter::shared_secret(kyc_spin_tests::TOKEN_SECRET.as_bytes()).unwrap();
    let spin = with(&[("token_issuer", "https://id.example"), ("token_audience", "kyc")]);
    for (claims, expected) in [
        (json!({ "iss": "https://id.example", "aud": "kyc" }), TAKEN),
        (json!({ "iss": "https://id.example", "aud": "else" }), REFUSED),
        (json!({ "iss": "https://other.example", "aud": "kyc" }), REFUSED),
        (json!({ "iss": "https://id.example" }), REFUSED),
        (json!({}), REFUSED),
    ] {
        assert_eq!(asked(&spin, &minted(&minter, &claims)), expected, "{claims}");
    }
    spin.counters();
}
