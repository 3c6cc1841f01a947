//! The parameters of MAIL and RCPT, each of which needs its extension.

use super::connection::Connection;
use super::path::Path;

/// Parameters of MAIL, each with the extension that must have been offered.
pub(super) const OF_MAIL: [(&str, &str); 6] = [
    ("SIZE", "SIZE"),
    ("BODY", "8BITMIME"),
    ("SMTPUTF8", "SMTPUTF8"),
    ("AUTH", "AUTH"),
    ("RET", "DSN"),
    ("ENVID", "DSN"),
];

/// Parameters of RCPT.
pub(super) const OF_RCPT: [(&str, &str); 2] = [("NOTIFY", "DSN"), ("ORCPT", "DSN")];

/// What the parameters of MAIL declare.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Declared {
    /// `BODY=8BITMIME`.
    pub(super) eight_bit: bool,
    /// `SMTPUTF8`.
    pub(super) utf8: bool,
}

impl Connection {
    /// RFC 5321 §4.1.1.11: a parameter whose extension was not offered is 555. Answers the refusal.
    pub(super) fn check_parameters(
        &self,
        path: &Path<'_>,
        known: &[(&str, &str)],
    ) -> Result<(), &'static str> {
        for (index, parameter) in path.parameters.iter().enumerate() {
            let keyword = parameter.split('=').next().unwrap_or_default();
            let extension = known
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(keyword));
            if !extension.is_some_and(|(_, extension)| self.offers(extension)) {
                self.violation(format!(
                    "the parameter {} without its extension",
                    parameter.escape_debug()
                ));
                return Err("555 5.5.4 Unsupported option");
            }
            let again = path.parameters.iter().skip(index + 1).any(|other| {
                other
                    .split('=')
                    .next()
                    .is_some_and(|other| other.eq_ignore_ascii_case(keyword))
            });
            if again {
                self.violation("a parameter twice");
                return Err("501 5.5.4 A parameter is given twice");
            }
        }
        Ok(())
    }

    /// What MAIL says of its message, or the refusal.
    pub(super) fn declared(&self, path: &Path<'_>) -> Result<Declared, &'static str> {
        self.check_parameters(path, &OF_MAIL)?;
        let named = |keyword: &str| {
            path.parameters.iter().find(|parameter| {
                parameter
                    .split('=')
                    .next()
                    .is_some_and(|name| name.eq_ignore_ascii_case(keyword))
            })
        };
        let eight_bit = match (named("BODY"), path.parameter("BODY")) {
            (None, _) => false,
            (_, Some(body)) if body.eq_ignore_ascii_case("8BITMIME") => true,
            (_, Some(body)) if body.eq_ignore_ascii_case("7BIT") => false,
            _ => {
                self.violation("BODY is neither 7BIT nor 8BITMIME");
                return Err("501 5.5.4 Unknown BODY");
            }
        };
        let utf8 = match named("SMTPUTF8") {
            // RFC 6531 §3.4: the parameter has no value.
            Some(parameter) if parameter.contains('=') => {
                self.violation("SMTPUTF8 with a value");
                return Err("501 5.5.4 SMTPUTF8 takes no value");
            }
            named => named.is_some(),
        };
        match (named("SIZE"), path.parameter("SIZE").map(str::parse)) {
            (None, _) => {}
            (_, Some(Ok(size))) if self.size_limit() < size => {
                return Err("552 5.3.4 Message size exceeds fixed limit");
            }
            (_, Some(Ok(_))) => {}
            _ => return Err("501 5.5.4 SIZE is not a number"),
        }
        Ok(Declared { eight_bit, utf8 })
    }

    /// RFC 6531 §3.2: addresses beyond ASCII only where SMTPUTF8 was said.
    pub(super) fn check_address(&self, address: &str, utf8: bool) -> Result<(), &'static str> {
        if address.is_ascii() || utf8 {
            return Ok(());
        }
        self.violation("an address beyond ASCII without SMTPUTF8");
        Err("553 5.6.7 Non-ASCII addresses need SMTPUTF8")
    }
}
