//! The operator's session: a cookie that we sign and keep no record of.
//!
//! Whoever presents it has presented the operator's key in the last twelve hours. It ends by itself,
//! and all of them end at once when the operator's key or the root key is replaced.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{
    limits::{CLOCK_SKEW_MAX, SESSION_IDLE, SESSION_MAX, SESSION_RENEW},
    time::UnixMillis,
};

/// The cookie's name. The prefix makes browsers refuse it unless it is Secure, has no Domain and is
/// for the whole host, so that no neighbouring host can put one of its own in its place
/// (RFC 6265bis §4.1.3.2).
pub const SESSION_COOKIE: &str = "__Host-edgepost";

/// The form of the cookie's value. Another one would be another number.
const VERSION: u8 = 1;

const ID_OCTETS: usize = 16;
const TIME_OCTETS: usize = 8;
const SIGNED_OCTETS: usize = 1 + ID_OCTETS + 2 * TIME_OCTETS;

/// What is authenticated: a code for one is none for the other.
const COOKIE_LABEL: &[u8] = b"edgepost/session-cookie\0";
const CSRF_LABEL: &[u8] = b"edgepost/csrf\0";

/// A session in good order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    id: [u8; ID_OCTETS],
    began: UnixMillis,
    seen: UnixMillis,
}

impl Session {
    /// A session that begins now; `id` must be fresh random octets.
    pub fn begin(id: [u8; ID_OCTETS], now: UnixMillis) -> Self {
        Self {
            id,
            began: now,
            seen: now,
        }
    }

    /// Its name, to which other things are bound. Not a secret: without our signature it opens
    /// nothing.
    pub fn name(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.id)
    }

    /// When somebody signed in.
    pub fn began(&self) -> UnixMillis {
        self.began
    }

    /// The same session, used now; nothing while its cookie is young enough to stay as it is.
    pub fn renewed(&self, now: UnixMillis) -> Option<Self> {
        let renewed = Self { seen: now, ..*self };
        (now.since(self.seen) >= SESSION_RENEW).then_some(renewed)
    }

    fn is_good(&self, now: UnixMillis) -> bool {
        let ahead = self.seen.since(now).max(self.began.since(now));
        now.since(self.began) < SESSION_MAX
            && now.since(self.seen) < SESSION_IDLE
            && ahead <= CLOCK_SKEW_MAX
    }

    fn signed(&self) -> Vec<u8> {
        let began = self.began.as_millis().to_be_bytes();
        let seen = self.seen.as_millis().to_be_bytes();
        [&[VERSION][..], &self.id, &began, &seen].concat()
    }

    fn from_signed(octets: &[u8]) -> Option<Self> {
        let (version, rest) = octets.split_first()?;
        let (id, rest) = rest.split_first_chunk()?;
        let (began, rest) = rest.split_first_chunk()?;
        let (seen, rest) = rest.split_first_chunk()?;
        let time = |octets: &[u8; TIME_OCTETS]| UnixMillis::new(u64::from_be_bytes(*octets));
        (*version == VERSION && rest.is_empty()).then(|| Self {
            id: *id,
            began: time(began),
            seen: time(seen),
        })
    }
}

/// Signs sessions, and what is bound to them. Derived from the root key and the operator's key.
pub struct SessionKey(Zeroizing<[u8; 32]>);

impl SessionKey {
    /// The key, as it was derived.
    pub fn new(key: Zeroizing<[u8; 32]>) -> Self {
        Self(key)
    }

    /// The `Set-Cookie` of a session. `Lax` and not `Strict`: the provider's redirect back to us is
    /// a navigation from another site, and has to arrive with it.
    pub fn cookie(&self, session: &Session, now: UnixMillis) -> String {
        let signed = session.signed();
        let code = self.mac(COOKIE_LABEL, &signed).finalize().into_bytes();
        let value = URL_SAFE_NO_PAD.encode([&signed[..], &code].concat());
        let left = SESSION_MAX.saturating_sub(now.since(session.began));
        let age = left.min(SESSION_IDLE).as_secs();
        format!("{SESSION_COOKIE}={value}; Secure; HttpOnly; Path=/; SameSite=Lax; Max-Age={age}")
    }

    /// The `Set-Cookie` that ends a session in the browser.
    pub fn no_cookie() -> String {
        format!("{SESSION_COOKIE}=; Secure; HttpOnly; Path=/; SameSite=Lax; Max-Age=0")
    }

    /// The session of a request with this `Cookie` header.
    pub fn session(&self, cookies: Option<&str>, now: UnixMillis) -> Option<Session> {
        let value = cookie_value(cookies?)?;
        // Longer than any of ours: not worth decoding.
        let octets = (value.len() <= 128)
            .then(|| URL_SAFE_NO_PAD.decode(value).ok())
            .flatten()?;
        let (signed, code) = octets.split_at_checked(SIGNED_OCTETS)?;
        self.mac(COOKIE_LABEL, signed).verify_slice(code).ok()?;
        Session::from_signed(signed).filter(|session| session.is_good(now))
    }

    /// What a page of this session sends along with its forms: another site's page cannot know it.
    pub fn csrf(&self, session: &Session) -> String {
        let code = self.mac(CSRF_LABEL, &session.id).finalize().into_bytes();
        URL_SAFE_NO_PAD.encode(code)
    }

    /// Whether a form was one of this session's pages, in time that tells nothing.
    pub fn is_csrf(&self, session: &Session, presented: &str) -> bool {
        let Ok(code) = URL_SAFE_NO_PAD.decode(presented) else {
            return false;
        };
        self.mac(CSRF_LABEL, &session.id)
            .verify_slice(&code)
            .is_ok()
    }

    fn mac(&self, label: &[u8], octets: &[u8]) -> Hmac<Sha256> {
        // The block of SHA-256 is 64 octets: a key of 32 is padded with zeros (RFC 2104 §2), which
        // is all that `new` would do and does not say that it cannot fail.
        let mut block = Zeroizing::new([0; 64]);
        for (to, from) in block.iter_mut().zip(self.0.iter()) {
            *to = *from;
        }
        <Hmac<Sha256> as hmac::digest::KeyInit>::new((&*block).into())
            .chain_update(label)
            .chain_update(octets)
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKey([redacted])")
    }
}

/// The value of our cookie (RFC 6265 §4.2.1). Where it came twice there is none: which of them is
/// ours would be anybody's guess.
fn cookie_value(cookies: &str) -> Option<&str> {
    let mut values = cookies.split(';').filter_map(|pair| {
        let (name, value) = pair.trim_matches([' ', '\t']).split_once('=')?;
        (name == SESSION_COOKIE).then_some(value)
    });
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: UnixMillis = UnixMillis::new(1_795_339_800_000);

    fn key(octet: u8) -> SessionKey {
        SessionKey::new(Zeroizing::new([octet; 32]))
    }

    fn session() -> Session {
        Session::begin([7; ID_OCTETS], NOW)
    }

    /// What a browser sends back.
    fn sent_back(set_cookie: &str) -> String {
        set_cookie.split(';').next().unwrap().to_owned()
    }

    fn at(cookie: &str, now: UnixMillis) -> Option<Session> {
        key(1).session(Some(cookie), now)
    }

    #[test]
    fn a_session_is_found_again_and_the_cookie_is_for_this_host_alone() {
        let set = key(1).cookie(&session(), NOW);
        for word in [
            "Secure",
            "HttpOnly",
            "Path=/",
            "SameSite=Lax",
            "Max-Age=3600",
        ] {
            assert!(set.split("; ").any(|part| part == word), "{word}: {set}");
        }
        assert!(!set.contains("Domain"));
        let cookie = sent_back(&set);
        assert_eq!(at(&cookie, NOW), Some(session()));
        assert_eq!(at(&format!("a=1; {cookie}; b=2"), NOW), Some(session()));
        assert_eq!(at(&format!("{cookie}; {cookie}"), NOW), None);
    }

    #[test]
    fn a_session_ends_after_an_hour_unused_and_after_twelve_in_any_case() {
        let minutes = |minutes: u64| NOW.after(Duration::from_secs(60 * minutes));
        let mut session = session();
        let cookie = sent_back(&key(1).cookie(&session, NOW));
        assert!(at(&cookie, minutes(59)).is_some());
        assert!(at(&cookie, minutes(60)).is_none());
        assert_eq!(session.renewed(minutes(4)), None);
        for used in (30..12 * 60).step_by(30) {
            session = session.renewed(minutes(used)).unwrap();
            let cookie = sent_back(&key(1).cookie(&session, minutes(used)));
            assert!(at(&cookie, minutes(used)).is_some());
            assert!(at(&cookie, minutes(12 * 60)).is_none());
        }
        // A clock that was set back a little does not end it, one that lies in the far future does.
        assert!(at(&cookie, UnixMillis::new(NOW.as_millis() - 1000)).is_some());
        assert!(at(&cookie, UnixMillis::new(NOW.as_millis() - 600_000)).is_none());
    }

    #[test]
    fn no_changed_character_and_no_other_key_opens() {
        let cookie = sent_back(&key(1).cookie(&session(), NOW));
        assert!(key(2).session(Some(&cookie), NOW).is_none());
        let begin = cookie.find('=').unwrap() + 1;
        for place in begin..cookie.len() {
            let mut changed = cookie.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(at(&changed, NOW), None, "character {place}");
            assert_eq!(at(&cookie[..place], NOW), None, "prefix {place}");
        }
        for nonsense in ["", "=", "x", &format!("{SESSION_COOKIE}=")] {
            assert_eq!(at(nonsense, NOW), None);
        }
        assert_eq!(key(1).session(None, NOW), None);
    }

    #[test]
    fn a_csrf_code_belongs_to_one_session_and_is_no_cookie() {
        let other = Session::begin([8; ID_OCTETS], NOW);
        let code = key(1).csrf(&session());
        assert!(key(1).is_csrf(&session(), &code));
        assert!(!key(1).is_csrf(&other, &code));
        assert!(!key(2).is_csrf(&session(), &code));
        for nonsense in ["", "x", &code[..20], &format!("{code}A")] {
            assert!(!key(1).is_csrf(&session(), nonsense));
        }
        // It goes on with the session.
        let renewed = session().renewed(NOW.after(SESSION_RENEW)).unwrap();
        assert!(key(1).is_csrf(&renewed, &code));
    }

    /// Pins the form: another one would end every session at a deploy without anybody meaning to.
    #[test]
    fn the_cookie_is_pinned() {
        assert_eq!(
            sent_back(&key(1).cookie(&session(), NOW)),
            "__Host-edgepost=AQcHBwcHBwcHBwcHBwcHBwcAAAGiApdNwAAAAaICl03A-y-0rvtx_BqJseQMgaarKbIKG6vhtO9KYS2d0eWGwU8"
        );
        let debug = format!("{:?}", key(1));
        assert_eq!(debug, "SessionKey([redacted])");
    }
}
