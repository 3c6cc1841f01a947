//! What stands in for secrets that are not at hand, so that everything around them can be checked.

use std::collections::BTreeMap;

use edgepost::oauth::{Certificate, Provider, SigningAlgorithm};
use serde_json::{Value, json};

use crate::key;

/// A key of the tests, which opens nothing, and its certificate.
const PRIVATE_KEY: &str = include_str!("../../../tests/fixtures/keys/application.key");
const CERTIFICATE: &str = include_str!("../../../tests/fixtures/keys/application.crt");

/// Sets the secret of this name, if it is not, to something of the kind that whoever names it wants.
pub(super) fn set(vars: &mut BTreeMap<String, Value>, name: String) {
    if vars.contains_key(&name) {
        return;
    }
    let mut text = key::fresh().unwrap_or_default();
    for mailbox in vars.values_mut().filter_map(Value::as_object_mut) {
        let field = |field: &str| mailbox.get(field).and_then(Value::as_str);
        if field("private_key") == Some(&name) {
            PRIVATE_KEY.clone_into(&mut text);
            // The real one would be found to belong to another key.
            if field("certificate").is_some_and(is_whole) {
                mailbox.insert("certificate".to_owned(), Value::from(CERTIFICATE));
            }
        } else if field("service_account") == Some(&name) {
            let google = Provider::google();
            text = json!({
                "type": "service_account", "client_email": "x@x.test", "private_key_id": "x",
                "private_key": PRIVATE_KEY,
                "token_uri": field("token_endpoint").or(google.token_endpoint.as_deref()),
            })
            .to_string();
        }
    }
    vars.insert(name, Value::from(text));
}

/// Whether it is a certificate and not its thumbprint alone.
fn is_whole(text: &str) -> bool {
    text.parse::<Certificate>().is_ok_and(|certificate| {
        [SigningAlgorithm::Ps256, SigningAlgorithm::Rs256]
            .iter()
            .all(|algorithm| certificate.thumbprint(*algorithm).is_some())
    })
}
