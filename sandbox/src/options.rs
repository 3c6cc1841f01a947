//! What a sandbox is started with.

use serde::{Deserialize, Serialize};

/// Ports and the sample site. A port of 0 takes any free one.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Port of the inbox and the JSON API, plain HTTP.
    pub web_port: u16,
    /// Port of the authorization server, HTTPS.
    pub https_port: u16,
    /// Port of the default submission server with STARTTLS.
    pub smtp_port: u16,
    /// Port of the default submission server with implicit TLS.
    pub smtps_port: u16,
    /// The shop with a contact form under `/site/`, if wanted.
    pub site: Option<SampleSite>,
}

/// A small shop's page with a contact form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleSite {
    /// Where the form posts to: an absolute http or https URL.
    pub form_action: String,
}
