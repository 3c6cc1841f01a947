//! Character references: `&auml;`, `&#228;`, `&#xE4;`.
//! <https://html.spec.whatwg.org/multipage/parsing.html#character-reference-state>

use super::entities::{LEGACY, OTHERS};

/// Where a text stands. In attributes, and so in addresses, a name without `;` is more often a
/// parameter (`?a=1&copy=2`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Content,
    Attribute,
}

/// The text with its references replaced by what they stand for.
pub(super) fn decode(text: &str, place: Place) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        match read(after, place) {
            Some((c, after)) => {
                out.push(c);
                rest = after;
            }
            None => {
                out.push('&');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// What stands behind an `&`, and what follows it.
fn read(text: &str, place: Place) -> Option<(char, &str)> {
    match text.strip_prefix('#') {
        Some(number) => match number.strip_prefix(['x', 'X']) {
            Some(digits) => numeric(digits, 16),
            None => numeric(number, 10),
        },
        None => named(text, place),
    }
}

fn numeric(text: &str, radix: u32) -> Option<(char, &str)> {
    let (digits, after) = split_run(text, |c| c.is_digit(radix))?;
    let code = digits.chars().filter_map(|c| c.to_digit(radix));
    let code = code.fold(0_u32, |code, digit| {
        code.saturating_mul(radix).saturating_add(digit)
    });
    let c = match code {
        0 => '\u{fffd}',
        0x80..=0x9f => windows_1252(code),
        _ => char::from_u32(code).unwrap_or('\u{fffd}'),
    };
    Some((c, after.strip_prefix(';').unwrap_or(after)))
}

/// The C1 controls are what writers of that code page meant.
fn windows_1252(code: u32) -> char {
    const MEANT: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž',
        '\u{8f}', '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}',
        'ž', 'Ÿ',
    ];
    let meant = MEANT.into_iter().zip(0x80..).find(|(_, own)| *own == code);
    meant.map_or('\u{fffd}', |(c, _)| c)
}

fn named(text: &str, place: Place) -> Option<(char, &str)> {
    let (word, after) = split_run(text, |c| c.is_ascii_alphanumeric())?;
    if let Some(after) = after.strip_prefix(';')
        && let Some(c) = find(&LEGACY, word).or_else(|| find(&OTHERS, word))
    {
        return Some((c, after));
    }
    // The longest of the names that need no `;`, whatever letters follow it.
    let (c, length) = (2..=LONGEST_LEGACY)
        .rev()
        .find_map(|length| Some((find(&LEGACY, word.get(..length)?)?, length)))?;
    let after = text.get(length..)?;
    let parameter = after.starts_with(|c: char| c == '=' || c.is_ascii_alphanumeric());
    (place == Place::Content || !parameter).then_some((c, after.strip_prefix(';').unwrap_or(after)))
}

/// The characters that are of a kind, if there are any, and what follows them.
fn split_run(text: &str, of_kind: impl Fn(char) -> bool) -> Option<(&str, &str)> {
    let end = text.find(|c| !of_kind(c)).unwrap_or(text.len());
    (end > 0).then(|| text.split_at_checked(end))?
}

/// Characters of the longest name that needs no `;`.
const LONGEST_LEGACY: usize = 6;

fn find(names: &[(&str, char)], name: &str) -> Option<char> {
    let found = names.binary_search_by(|(own, _)| (*own).cmp(name));
    found.ok().and_then(|at| names.get(at)).map(|(_, c)| *c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_can_be_searched() {
        assert!(LEGACY.is_sorted() && OTHERS.is_sorted());
        let longest = LEGACY.iter().map(|(name, _)| name.len()).max();
        assert_eq!(longest, Some(LONGEST_LEGACY));
        for (name, c) in LEGACY.iter().chain(&OTHERS) {
            assert_eq!(
                decode(&format!("&{name};"), Place::Attribute),
                c.to_string()
            );
        }
    }
}
