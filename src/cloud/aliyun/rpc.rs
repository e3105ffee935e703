//! The older signature of Alibaba Cloud (RPC, HMAC-SHA1), against which a simulator or an old client can be checked.
//!
//! Never: used by the gateway; it signs with [`super::acs3`].

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use serde::Deserialize;
use sha1::Sha1;

use super::acs3::canonical_query;
use crate::cloud::percent::encoded;

fn string_to_sign(method: &str, canonical_query: &str) -> String {
    // Values are encoded twice: once in the query, once here.
    format!("{method}&%2F&{}", encoded(canonical_query))
}

fn signature(secret: &str, string_to_sign: &str) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(format!("{secret}&").as_bytes()).unwrap();
    mac.update(string_to_sign.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

#[derive(Deserialize)]
struct Vectors {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    credentials: Keys,
    request: Wire,
    signed_params: std::collections::BTreeMap<String, serde_json::Value>,
    canonical_query: String,
    string_to_sign: String,
    signature: String,
}

#[derive(Deserialize)]
struct Keys {
    access_key_secret: String,
}

#[derive(Deserialize)]
struct Wire {
    method: String,
}

#[test]
fn the_older_signature_is_that_of_the_official_libraries() {
    let text = include_str!("../vectors/aliyun_rpc_v1.json");
    let vectors = serde_json::from_str::<Vectors>(text).unwrap().vectors;
    assert_eq!(vectors.len(), 8);
    for vector in vectors {
        let name = vector.name;
        let parameters: Vec<(String, String)> = vector
            .signed_params
            .into_iter()
            .map(|(name, value)| match value {
                serde_json::Value::String(text) => (name, text),
                other => (name, other.to_string()),
            })
            .collect();
        let query = canonical_query(&parameters);
        assert_eq!(query, vector.canonical_query, "{name}");
        let to_sign = string_to_sign(&vector.request.method, &query);
        assert_eq!(to_sign, vector.string_to_sign, "{name}");
        let signature = signature(&vector.credentials.access_key_secret, &to_sign);
        assert_eq!(signature, vector.signature, "{name}");
    }
}
