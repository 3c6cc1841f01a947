//! `application/x-www-form-urlencoded`, as browsers write it
//! (<https://url.spec.whatwg.org/#application/x-www-form-urlencoded>).

use super::{Field, FieldError, Rejected, Submission};
use crate::limits::{FORM_BODY_OCTETS, FORM_FIELD_NAME_CHARS, FORM_FIELDS};

/// Reads a body. Only `&` separates pairs; what is not UTF-8 becomes U+FFFD, as the standard
/// says.
///
/// # Errors
/// When a cap is exceeded, nothing was filled in, or a field holds a control character that no
/// text has.
pub fn parse_urlencoded(body: &[u8]) -> Result<Submission, Rejected> {
    if body.len() > FORM_BODY_OCTETS {
        return Err(Rejected::TooLarge("FORM_BODY_OCTETS"));
    }
    // Counted before they are read: a body of nothing but separators is not worth reading.
    let pairs = body
        .iter()
        .filter(|octet| **octet == b'&')
        .count()
        .saturating_add(1);
    if pairs > FORM_FIELDS {
        return Err(Rejected::TooLarge("FORM_FIELDS"));
    }
    let mut submission = Submission::default();
    let mut errors = Vec::new();
    for (name, value) in form_urlencoded::parse(body) {
        if name.chars().count() > FORM_FIELD_NAME_CHARS {
            return Err(Rejected::TooLarge("FORM_FIELD_NAME_CHARS"));
        }
        let value = value.replace("\r\n", "\n").replace('\r', "\n");
        if name.chars().any(char::is_control) || value.chars().any(is_no_text) {
            // A name that cannot be shown is not repeated either.
            let shown: String = name.chars().filter(|c| !c.is_control()).collect();
            errors.push(FieldError::text(&shown));
            continue;
        }
        match submission
            .fields
            .iter_mut()
            .find(|field| field.name == name)
        {
            Some(field) => {
                if !value.is_empty() {
                    let separator = if field.value.is_empty() { "" } else { ", " };
                    field.value.push_str(separator);
                    field.value.push_str(&value);
                }
            }
            None => submission.fields.push(Field {
                name: name.into_owned(),
                value,
            }),
        }
    }
    if !errors.is_empty() {
        return Err(Rejected::Fields(errors));
    }
    if submission
        .fields
        .iter()
        .all(|field| field.value.trim().is_empty())
    {
        return Err(Rejected::Empty);
    }
    Ok(submission)
}

/// Control characters other than line end and tab.
fn is_no_text(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(body: &str) -> Vec<(String, String)> {
        let submission = parse_urlencoded(body.as_bytes()).unwrap();
        submission
            .fields
            .into_iter()
            .map(|field| (field.name, field.value))
            .collect()
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn ok_what_browsers_send() {
        assert_eq!(
            fields("name=J%C3%BCrgen+M&message=a%0D%0Ab%0D%0A&x[]=1&x[]=&x[]=2&empty="),
            [
                pair("name", "Jürgen M"),
                pair("message", "a\nb\n"),
                pair("x[]", "1, 2"),
                pair("empty", ""),
            ]
        );
        // `;` is no separator, and a broken escape stands for itself.
        assert_eq!(
            fields("a=1;b=2&c=100%"),
            [pair("a", "1;b=2"), pair("c", "100%")]
        );
    }

    #[test]
    fn err_bombs_are_refused_before_they_are_read() {
        let many = "a&".repeat(100_000);
        assert_eq!(
            parse_urlencoded(many.as_bytes()),
            Err(Rejected::TooLarge("FORM_FIELDS"))
        );
        let large = vec![b'a'; FORM_BODY_OCTETS + 1];
        assert_eq!(
            parse_urlencoded(&large),
            Err(Rejected::TooLarge("FORM_BODY_OCTETS"))
        );
        let name = "n".repeat(FORM_FIELD_NAME_CHARS + 1);
        assert_eq!(
            parse_urlencoded(format!("{name}=1").as_bytes()),
            Err(Rejected::TooLarge("FORM_FIELD_NAME_CHARS"))
        );
    }

    #[test]
    fn err_nothing_filled_in_and_characters_that_no_text_has() {
        for body in ["", "a=", "a=&b=+%0A"] {
            assert_eq!(
                parse_urlencoded(body.as_bytes()),
                Err(Rejected::Empty),
                "{body}"
            );
        }
        for body in ["m=a%00b", "m=%1B[31m", "m%0D%0A=x"] {
            let rejected = parse_urlencoded(body.as_bytes());
            assert_eq!(
                rejected,
                Err(Rejected::Fields(vec![FieldError::text("m")])),
                "{body}"
            );
        }
    }
}
