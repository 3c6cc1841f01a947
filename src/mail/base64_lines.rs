//! Base64 in lines, for attachments (RFC 2045 §6.8).

use base64::{Engine, engine::general_purpose::STANDARD};

/// Octets that become one line of 76 characters.
pub(super) const OCTETS_PER_LINE: usize = 57;

/// Octets of a line with its CRLF.
const LINE_OCTETS: u64 = 78;

/// How many octets `length` octets become, every line ended by CRLF.
pub(super) fn encoded_length(length: u64) -> u64 {
    const PER_LINE: u64 = OCTETS_PER_LINE as u64;
    let lines = (length / PER_LINE).saturating_mul(LINE_OCTETS);
    match length % PER_LINE {
        0 => lines,
        rest => lines
            .saturating_add(rest.div_ceil(3).saturating_mul(4))
            .saturating_add(2),
    }
}

/// Encodes a piece. All pieces of a content but the last have a multiple of
/// [`OCTETS_PER_LINE`] octets.
pub(super) fn encode(piece: &[u8]) -> Vec<u8> {
    let mut lines = String::new();
    for line in piece.chunks(OCTETS_PER_LINE) {
        STANDARD.encode_string(line, &mut lines);
        lines.push_str("\r\n");
    }
    lines.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_is_known_beforehand_and_pieces_make_the_same_whole() {
        let octets: Vec<u8> = (0..=255).cycle().take(1000).collect();
        for length in (0..300).chain([570, 999, 1000]) {
            let content = &octets[..length];
            let whole = encode(content);
            assert_eq!(
                encoded_length(length as u64),
                whole.len() as u64,
                "{length}"
            );
            let pieces: Vec<u8> = content
                .chunks(OCTETS_PER_LINE * 3)
                .flat_map(encode)
                .collect();
            assert_eq!(pieces, whole);
            let joined = String::from_utf8(whole).unwrap().replace("\r\n", "");
            assert_eq!(STANDARD.decode(joined).unwrap(), content);
        }
    }
}
