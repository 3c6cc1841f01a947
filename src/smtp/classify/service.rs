//! Whose server it is that answers.
//!
//! Providers give numbers of their own to what they have to say, and those of RFC 3463 a meaning of
//! their own: 5.1.8 is a blocked account at Exchange and a domain that does not exist at Postfix. So a
//! rule of a provider counts at its servers only. The evidence is the name that the server's
//! certificate had to show, and where that is nobody's we know, as with a gateway that passes on what
//! it hears, the name that the server gives itself over TLS. Not the preset, for a mailbox of one's
//! own making may well go to smtp.office365.com; not the greeting, which may come in the clear; and
//! not the words of an answer, which providers change and into which servers put addresses.

/// A provider whose servers have answers of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Exchange Online and Outlook.com.
    Exchange,
    /// Gmail, Google Workspace among it.
    Gmail,
}

/// The domains below which a provider's servers have their names.
const DOMAINS: [(&str, Service); 7] = [
    ("office365.com", Service::Exchange),
    ("office365.us", Service::Exchange),
    ("outlook.com", Service::Exchange),
    ("outlook.cn", Service::Exchange),
    ("gmail.com", Service::Gmail),
    ("googlemail.com", Service::Gmail),
    ("google.com", Service::Gmail),
];

impl Service {
    /// Whose the host of this name is.
    pub(in crate::smtp) fn of_host(host: &str) -> Option<Self> {
        let host = host.to_ascii_lowercase();
        // The dot keeps `notgmail.com` out. A provider's own domain has no mail server to submit to.
        let below = |domain: &str| host.strip_suffix(domain).is_some_and(|l| l.ends_with('.'));
        let found = DOMAINS.iter().find(|(domain, _)| below(domain));
        found.map(|(_, service)| *service)
    }

    /// Its name, for the documentation.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exchange => "Exchange Online, Outlook.com",
            Self::Gmail => "Gmail",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_known_by_the_domain_they_lie_below() {
        for (host, service) in [
            ("smtp.office365.com", Some(Service::Exchange)),
            ("SMTP.Office365.US", Some(Service::Exchange)),
            ("smtp.partner.outlook.cn", Some(Service::Exchange)),
            ("smtp-mail.outlook.com", Some(Service::Exchange)),
            (
                "FR4P281CA0123.outlook.office365.com",
                Some(Service::Exchange),
            ),
            ("smtp.gmail.com", Some(Service::Gmail)),
            ("smtp.googlemail.com", Some(Service::Gmail)),
            ("smtp-relay.gmail.com", Some(Service::Gmail)),
            ("mx.notgmail.com", None),
            ("notoutlook.com", None),
            ("smtp.gmail.com.evil.test", None),
            ("outlook.com", None),
            ("mx.test", None),
            ("", None),
        ] {
            assert_eq!(Service::of_host(host), service, "{host}");
        }
    }
}
