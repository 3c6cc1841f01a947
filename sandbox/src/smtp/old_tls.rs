//! Servers from before TLS 1.2, to the octet: the library that serves the rest cannot be one.

use super::script::{OldAnswer, OldVersion};

/// Record types, RFC 2246 §6.2.1.
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;

/// `fatal`, and `protocol_version`, RFC 2246 §7.2.
const FATAL: u8 = 2;
const PROTOCOL_VERSION: u8 = 70;

/// Handshake type of the server's hello.
const SERVER_HELLO: u8 = 2;

/// TLS_RSA_WITH_AES_128_CBC_SHA, RFC 3268: what servers of that time chose.
const CIPHER_SUITE: [u8; 2] = [0x00, 0x2f];

/// What the server answers to the client's hello.
pub(crate) fn answer(version: OldVersion, answer: OldAnswer) -> Vec<u8> {
    let version = match version {
        OldVersion::Tls10 => [3, 1],
        OldVersion::Tls11 => [3, 2],
    };
    match answer {
        OldAnswer::Alert => record(ALERT, version, &[FATAL, PROTOCOL_VERSION]),
        OldAnswer::Hello => {
            let mut hello = version.to_vec();
            // The random: no connection comes of it, so it may be the same each time.
            hello.extend_from_slice(&[0x5a; 32]);
            // No session identifier, the suite, no compression, no extensions.
            hello.push(0);
            hello.extend_from_slice(&CIPHER_SUITE);
            hello.push(0);
            let mut message = vec![SERVER_HELLO, 0, 0, short(hello.len())];
            message.extend(hello);
            record(HANDSHAKE, version, &message)
        }
    }
}

fn record(kind: u8, [major, minor]: [u8; 2], body: &[u8]) -> Vec<u8> {
    let mut record = vec![kind, major, minor, 0, short(body.len())];
    record.extend_from_slice(body);
    record
}

/// All that is written here is far shorter than 256 octets.
fn short(length: usize) -> u8 {
    u8::try_from(length).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::{OldAnswer, OldVersion, answer};

    #[test]
    fn the_alert_is_the_one_of_the_rfc() {
        assert_eq!(
            answer(OldVersion::Tls10, OldAnswer::Alert),
            [0x15, 3, 1, 0, 2, 2, 70]
        );
        assert_eq!(
            answer(OldVersion::Tls11, OldAnswer::Alert),
            [0x15, 3, 2, 0, 2, 2, 70]
        );
    }

    #[test]
    fn the_hello_has_its_lengths() {
        let hello = answer(OldVersion::Tls11, OldAnswer::Hello);
        assert_eq!(
            hello.get(..11).unwrap(),
            [0x16, 3, 2, 0, 42, 2, 0, 0, 38, 3, 2]
        );
        assert_eq!(hello.len(), 5 + 42);
    }
}
