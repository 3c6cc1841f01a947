//! The textual form of keys and certificates (RFC 7468).

use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

/// What stands in `text` under `label`, decoded. None where there is no such part; an error where
/// there is one that is damaged.
///
/// Line breaks may have become spaces or the two characters `\n`, as they do in `.dev.vars`, in
/// JSON and in web forms.
pub(super) fn part(text: &str, label: &str) -> Option<Result<Zeroizing<Vec<u8>>, Damaged>> {
    let (_, rest) = text.split_once(&format!("-----BEGIN {label}-----"))?;
    let Some((body, _)) = rest.split_once(&format!("-----END {label}-----")) else {
        return Some(Err(Damaged));
    };
    Some(base64(body))
}

/// Base64 with line breaks in it.
pub(super) fn base64(text: &str) -> Result<Zeroizing<Vec<u8>>, Damaged> {
    let mut plain = Zeroizing::new(text.replace("\\n", "").replace("\\r", ""));
    plain.retain(|c| !c.is_ascii_whitespace());
    let octets = STANDARD.decode(plain.as_bytes()).map_err(|_| Damaged)?;
    Ok(Zeroizing::new(octets))
}

/// It was cut off or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Damaged;
