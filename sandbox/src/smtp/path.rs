//! Paths and parameters of MAIL and RCPT.

/// Longest path, RFC 5321 §4.5.3.1.3, without its angle brackets.
const PATH_CAP: usize = 254;

/// A path with the parameters behind it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Path<'a> {
    /// Without angle brackets; empty for `<>`.
    pub(crate) address: &'a str,
    pub(crate) parameters: Vec<&'a str>,
}

impl<'a> Path<'a> {
    /// Parses what follows `FROM:` or `TO:`. No space before the bracket (RFC 5321 §3.3: "spaces
    /// are not permitted"), no source routes.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (address, rest) = text.strip_prefix('<')?.split_once('>')?;
        if !address.is_empty() && !is_mailbox(address) {
            return None;
        }
        let parameters: Vec<&str> = match rest.strip_prefix(' ') {
            Some(parameters) => parameters.split(' ').collect(),
            None if rest.is_empty() => Vec::new(),
            None => return None,
        };
        let well_formed = |parameter: &&str| {
            let keyword = parameter.split('=').next().unwrap_or_default();
            !keyword.is_empty()
                && keyword
                    .bytes()
                    .all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
        };
        parameters.iter().all(well_formed).then_some(Self {
            address,
            parameters,
        })
    }

    /// The value of a parameter, whose keyword is compared without regard to case.
    pub(crate) fn parameter(&self, keyword: &str) -> Option<&'a str> {
        self.parameters.iter().find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.eq_ignore_ascii_case(keyword).then_some(value)
        })
    }
}

/// `local@domain` without anything that could end a path or a line. Quoted local parts are not
/// taken: no provider gives them out.
fn is_mailbox(address: &str) -> bool {
    let clean = |part: &str| {
        !part.is_empty()
            && !part
                .chars()
                .any(|c| c.is_control() || c.is_whitespace() || "<>@\"\\,;:".contains(c))
    };
    // A domain may be an address literal, whose brackets hold colons for IPv6.
    let literal = |domain: &str| {
        domain
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .is_some_and(|inner| {
                !inner.is_empty()
                    && inner
                        .bytes()
                        .all(|octet| octet.is_ascii_alphanumeric() || b".:-".contains(&octet))
            })
    };
    address.len() <= PATH_CAP
        && address
            .split_once('@')
            .is_some_and(|(local, domain)| clean(local) && (clean(domain) || literal(domain)))
}

#[cfg(test)]
mod tests {
    use super::Path;

    #[test]
    fn takes_a_path_with_parameters() {
        let path = Path::parse("<a@b.test> SIZE=12 BODY=8BITMIME").unwrap();
        assert_eq!(path.address, "a@b.test");
        assert_eq!(path.parameter("size"), Some("12"));
    }

    #[test]
    fn refuses_what_is_not_a_path() {
        for text in [
            " <a@b.test>",
            "a@b.test",
            "<a@b.test",
            "<a@b@c.test>",
            "<a b@c.test>",
            "<a@b.test>x",
            "<a@b.test> ",
        ] {
            assert_eq!(Path::parse(text), None, "{text}");
        }
    }
}
