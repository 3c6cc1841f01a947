//! What the server offers, and the limits it keeps.

use super::connection::Connection;

/// What SIZE says, and the most content that is taken: the figure of a large provider.
const MAX_MESSAGE: usize = 35_882_577;

/// Most recipients of one message: the default of a large provider.
const MAX_RECIPIENTS: usize = 500;

/// The extensions beside SIZE, STARTTLS and AUTH, as large providers name them on both sides of TLS.
const EXTENSIONS: [&str; 5] = [
    "PIPELINING",
    "ENHANCEDSTATUSCODES",
    "8BITMIME",
    "CHUNKING",
    "SMTPUTF8",
];

/// The mechanisms of AUTH, in the order they are offered.
const MECHANISMS: [&str; 2] = ["XOAUTH2", "OAUTHBEARER"];

impl Connection {
    /// The keyword lines of EHLO on this side of TLS.
    pub(super) fn keywords(&self) -> Vec<String> {
        self.plan
            .capabilities(self.wire.is_tls())
            .unwrap_or_else(|| self.normal_keywords())
    }

    fn normal_keywords(&self) -> Vec<String> {
        let mut keywords = vec![format!("SIZE {}", self.enforced_size())];
        keywords.extend(EXTENSIONS.map(ToOwned::to_owned));
        if self.wire.is_tls() {
            let mechanisms: Vec<&str> = MECHANISMS
                .into_iter()
                .filter(|mechanism| !self.plan.is_without(mechanism))
                .collect();
            if !mechanisms.is_empty() {
                keywords.push(format!("AUTH {}", mechanisms.join(" ")));
            }
        } else if !self.plan.has_no_start_tls() {
            keywords.push("STARTTLS".to_owned());
        }
        keywords.retain(|line| {
            let keyword = line.split(' ').next().unwrap_or_default();
            !self.plan.is_without(keyword)
        });
        keywords
    }

    /// Whether the last EHLO reply named the keyword.
    pub(super) fn offers(&self, keyword: &str) -> bool {
        self.line_of(keyword).is_some()
    }

    /// Whether the last EHLO reply named the mechanism of AUTH.
    pub(super) fn offers_mechanism(&self, mechanism: &str) -> bool {
        self.line_of("AUTH").is_some_and(|line| {
            line.split(' ')
                .skip(1)
                .any(|word| word.eq_ignore_ascii_case(mechanism))
        })
    }

    /// Most octets of one message: what was promised, unless less is taken. SIZE without a figure,
    /// or with 0, promises nothing (RFC 1870 §4).
    pub(super) fn size_limit(&self) -> usize {
        let promised = self
            .line_of("SIZE")
            .and_then(|line| line.split(' ').nth(1)?.parse().ok())
            .filter(|size| *size > 0);
        promised.map_or(self.enforced_size(), |promised: usize| {
            promised.min(self.enforced_size())
        })
    }

    /// Most recipients of one message.
    pub(super) fn recipient_limit(&self) -> usize {
        self.plan.max_recipients().unwrap_or(MAX_RECIPIENTS)
    }

    fn enforced_size(&self) -> usize {
        self.plan
            .max_size()
            .map_or(MAX_MESSAGE, |most| most.min(MAX_MESSAGE))
    }

    fn line_of(&self, keyword: &str) -> Option<&str> {
        self.advertised.iter().map(String::as_str).find(|line| {
            line.split(' ')
                .next()
                .is_some_and(|first| first.eq_ignore_ascii_case(keyword))
        })
    }
}
