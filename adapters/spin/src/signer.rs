//! AWS Signature Version 4 of requests to an object store, with the signature in the `Authorization` header.

use hmac::{Hmac, KeyInit, Mac};
use kyc_core::time::Time;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

/// What signs requests. Its secret shows nowhere.
#[derive(Clone)]
pub struct Signer {
    /// The store's region, such as `eu-central-1`.
    pub region: String,
    /// Who signs.
    pub access_key_id: String,
    /// With what.
    pub secret_access_key: String,
}

/// What is signed of a request without a query.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// The method.
    pub method: &'a str,
    /// The host, with its port if it is not the scheme's.
    pub host: &'a str,
    /// The path, of characters that need no escape.
    pub path: &'a str,
    /// Further headers, by lower-case names.
    pub headers: &'a [(&'a str, &'a str)],
    /// SHA-256 of the body.
    pub body_sha256: [u8; 32],
    /// When.
    pub time: Time,
}

/// The headers that make a request a signed one, the host's aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headers {
    /// `authorization`.
    pub authorization: String,
    /// `x-amz-content-sha256`.
    pub body_sha256: String,
    /// `x-amz-date`.
    pub date: String,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer")
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

impl Signer {
    /// Signs a request.
    pub fn sign(&self, request: &Signed<'_>) -> Headers {
        let date = amz_date(request.time);
        let day = date.split('T').next().unwrap_or_default();
        let body_sha256 = hex::encode(request.body_sha256);
        let mut headers = vec![
            ("host", request.host),
            ("x-amz-content-sha256", body_sha256.as_str()),
            ("x-amz-date", date.as_str()),
        ];
        headers.extend(request.headers);
        headers.sort_unstable();
        let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
        let lines = headers
            .iter()
            .flat_map(|(name, value)| [*name, ":", value.trim(), "\n"]);
        let lines: String = lines.collect();
        let canonical = format!(
            "{}\n{}\n\n{lines}\n{names}\n{body_sha256}",
            request.method, request.path
        );
        let scope = format!("{day}/{}/s3/aws4_request", self.region);
        let text = format!(
            "AWS4-HMAC-SHA256\n{date}\n{scope}\n{}",
            hex::encode(Sha256::digest(canonical))
        );
        let mut key = hmac(format!("AWS4{}", self.secret_access_key).as_bytes(), day);
        for part in [self.region.as_str(), "s3", "aws4_request"] {
            key = hmac(&key, part);
        }
        let signature = hex::encode(hmac(&key, &text));
        Headers {
            authorization: format!(
                "AWS4-HMAC-SHA256 Credential={}/{scope},SignedHeaders={names},Signature={signature}",
                self.access_key_id
            ),
            body_sha256,
            date,
        }
    }
}

fn hmac(key: &[u8], text: &str) -> [u8; 32] {
    // HMAC takes keys of every length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return [0; 32];
    };
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().into()
}

/// `20130524T000000Z`.
fn amz_date(time: Time) -> String {
    let date = OffsetDateTime::from_unix_timestamp(time.seconds()).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    format!(
        "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
        date.year(),
        u8::from(date.month()),
        date.day(),
        date.hour(),
        date.minute(),
        date.second()
    )
}

#[cfg(test)]
mod tests {
    use super::{Signed, Signer};
    use kyc_core::time::Time;
    use sha2::{Digest, Sha256};

    /// The credentials of the examples that Amazon publishes; they open nothing.
    fn signer() -> Signer {
        Signer {
            region: "us-east-1".to_owned(),
            access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
        }
    }

    fn signature(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> String {
        let signed = signer().sign(&Signed {
            method,
            host: "examplebucket.s3.amazonaws.com",
            path,
            headers,
            body_sha256: Sha256::digest(body).into(),
            time: Time::from_seconds(1_369_353_600),
        });
        assert_eq!(signed.date, "20130524T000000Z");
        signed.authorization
    }

    #[test]
    fn the_published_examples_have_their_signatures() {
        assert_eq!(
            signature("GET", "/test.txt", &[("range", "bytes=0-9")], ""),
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,\
             SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,\
             Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        );
        let headers = [
            ("date", "Fri, 24 May 2013 00:00:00 GMT"),
            ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ];
        let put = signature("PUT", "/test%24file.text", &headers, "Welcome to Amazon S3.");
        assert!(
            put.ends_with("Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"),
            "{put}"
        );
    }

    #[test]
    fn the_secret_is_not_shown() {
        assert_eq!(format!("{:?}", signer()), "Signer { region: \"us-east-1\", .. }");
    }
}
