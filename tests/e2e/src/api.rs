//! The API as its callers use it: keys, requests, and the shape of errors.

use serde_json::{Map, Value, json};
use xtask::http::Answer;
use xtask::{Result, key};

use crate::Site;
use crate::site::BODY_CANARY;

/// The domain, and its subdomains, that all mail of the API's cases goes to.
pub const FRIENDS: &str = "friend.test";

/// Who mail of the API goes to where a case has nobody else.
pub const FRIEND: &str = "ada@friend.test";

/// In the subject of every plain mail of the API, to be searched for where it must not be.
pub const SUBJECT_CANARY: &str = "subject-canary";

/// Where messages are sent.
pub const EMAILS: &str = "/emails";

/// Requests a second that no case makes.
const UNLIMITED: u32 = 100_000;

/// Requests a second that [`Key::Sending`] may make.
pub const SENDING_RATE: u32 = 3;

/// The keys of one case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// May send and read.
    Full,
    /// May send and read through the same mailbox, and is somebody else's.
    Other,
    /// May only send, and as no alias.
    Sending,
}

/// What one case has of the API.
pub struct Keys {
    /// The keys, by the names of their variables, in the order of [`Key`].
    pub(crate) texts: [(String, String); 3],
    /// An alias of the mailbox that [`Key::Full`] may send as.
    pub alias: String,
    /// An alias of the mailbox that no key may send as.
    pub closed_alias: String,
}

impl Keys {
    pub(crate) fn fresh(number: usize, address: &str) -> Result<Self> {
        let named = |kind: &str| -> Result<(String, String)> {
            Ok((format!("KEY_C{number}_{kind}"), key::fresh_api()?))
        };
        Ok(Self {
            texts: [named("FULL")?, named("OTHER")?, named("SENDING")?],
            alias: format!("alias.{address}"),
            closed_alias: format!("closed.{address}"),
        })
    }

    /// The configuration of the keys, and nothing that could be presented as one.
    pub(crate) fn variables(&self, mailbox: &str) -> Map<String, Value> {
        let rights = [
            json!({ "aliases": [self.alias], "rate_limit": UNLIMITED }),
            json!({ "rate_limit": UNLIMITED }),
            json!({ "permission": "sending_access", "rate_limit": SENDING_RATE }),
        ];
        let entries = self
            .texts
            .iter()
            .zip(rights)
            .map(|((name, text), mut key)| {
                key["hash"] = json!(key::api_hash(text));
                key["mailboxes"] = json!([mailbox]);
                (name.clone(), key)
            });
        entries.collect()
    }

    pub(crate) fn aliases(&self) -> Vec<&str> {
        vec![&self.alias, &self.closed_alias]
    }
}

impl Site<'_> {
    /// What the case has of the API.
    ///
    /// # Panics
    /// If its setup says that it has nothing.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        self.keys.expect("a case of the API")
    }

    /// The text of a key.
    #[must_use]
    pub fn key(&self, key: Key) -> &str {
        &self.keys().texts[key as usize].1
    }

    /// The `Authorization` header of a key.
    #[must_use]
    pub fn bearer(&self, key: Key) -> String {
        format!("Bearer {}", self.key(key))
    }

    /// A message that is as plain as can be.
    #[must_use]
    pub fn plain_mail(&self) -> Value {
        json!({ "from": self.address, "to": FRIEND, "subject": SUBJECT_CANARY, "text": BODY_CANARY })
    }

    /// The same with one field more, or another value in it.
    #[must_use]
    pub fn mail_with(&self, field: &str, value: Value) -> Value {
        let mut mail = self.plain_mail();
        mail[field] = value;
        mail
    }

    /// Posts a message with the key of full access.
    #[must_use]
    pub fn post_mail(&self, mail: &Value) -> Answer {
        self.post_as(Key::Full, mail, &[])
    }

    /// Posts a message with a key and further headers.
    #[must_use]
    pub fn post_as(&self, key: Key, mail: &Value, headers: &[(&str, &str)]) -> Answer {
        self.post_text(key, mail.to_string().as_bytes(), headers)
    }

    /// Posts what may be no message.
    #[must_use]
    pub fn post_text(&self, key: Key, body: &[u8], headers: &[(&str, &str)]) -> Answer {
        let authorization = self.bearer(key);
        let mut all = vec![
            ("authorization", authorization.as_str()),
            ("content-type", "application/json"),
        ];
        // Given ones instead of ours, not beside them.
        all.retain(|(name, _)| !headers.iter().any(|(given, _)| given == name));
        all.extend(headers);
        self.world.post_octets(EMAILS, body, &all)
    }

    /// Sends a message; answers its identifier.
    ///
    /// # Panics
    /// If it is not accepted.
    #[must_use]
    pub fn send_mail(&self, mail: &Value) -> String {
        id_of(&self.post_mail(mail))
    }

    /// What a key is shown of a message.
    #[must_use]
    pub fn email(&self, key: Key, id: &str) -> Answer {
        let authorization = self.bearer(key);
        let headers = [("authorization", authorization.as_str())];
        self.world.get_own(&format!("{EMAILS}/{id}"), &headers)
    }

    /// The commands that said who the mail is from and for, on all connections.
    #[must_use]
    pub fn paths_said(&self) -> Vec<String> {
        let records = self.connections();
        let commands = records.iter().flat_map(|record| &record.commands);
        let paths = commands.filter(|line| line.starts_with("MAIL") || line.starts_with("RCPT"));
        paths.cloned().collect()
    }

    /// A refused request costs neither a token nor a connection.
    ///
    /// # Panics
    /// If it did.
    pub fn assert_nothing_happened(&self) {
        assert_eq!(self.token_requests().len(), 0, "token requests");
        assert_eq!(self.connections().len(), 0, "connections");
    }
}

/// The identifier in an answer.
///
/// # Panics
/// If it is another answer.
#[must_use]
pub fn id_of(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.body);
    let json = answer.json().expect("JSON");
    let fields: Vec<_> = json.as_object().expect("an object").keys().collect();
    assert_eq!(fields, ["id"], "clients trip over more");
    json["id"].as_str().expect("an id").to_owned()
}

/// Holds an error against what it must be; answers its message.
///
/// # Panics
/// If it is another.
pub fn assert_error(answer: &Answer, status: u16, name: &str) -> String {
    let (found, message) = error_of(answer);
    assert_eq!((answer.status, found.as_str()), (status, name), "{message}");
    message
}

/// The name and the message of an error.
///
/// # Panics
/// If it has not the shape that every client expects.
#[must_use]
pub fn error_of(answer: &Answer) -> (String, String) {
    assert!(answer.status >= 400, "{}: {}", answer.status, answer.body);
    let kind = answer.header("content-type").unwrap_or_default();
    assert!(
        kind.starts_with("application/json"),
        "{} {kind}: {}",
        answer.status,
        answer.body
    );
    let json = answer.json().expect("JSON");
    assert_eq!(json["statusCode"], answer.status, "{json}");
    let text = |field: &str| json[field].as_str().unwrap_or_default().to_owned();
    assert!(!text("message").is_empty(), "{json}");
    (text("name"), text("message"))
}
