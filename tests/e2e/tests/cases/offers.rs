//! What servers offer and what is made of it: ports, mechanisms, extensions.

use edgepost_e2e::{Case, Setup, Site};
use edgepost_sandbox::{ContentForm, Fault, Security, Step};

use super::outcome::{Becomes, check};

/// How long the provider takes over each message: enough for a second connection to be opened
/// meanwhile, by whoever would.
const SLOW_MILLIS: u64 = 300;

/// Messages that are posted at once.
const AT_ONCE: usize = 20;

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for security in [Security::StartTls, Security::Implicit] {
        for (mechanism, without) in [("XOAUTH2", "OAUTHBEARER"), ("OAUTHBEARER", "XOAUTH2")] {
            let setup = Setup::always(Fault::without(without));
            let setup = match security {
                Security::StartTls => setup,
                Security::Implicit => setup.over_tls(),
            };
            cases.push(Case::with(
                format!("S0 a message goes out with TLS by {security:?}, {mechanism}"),
                setup,
                move |site| goes_out(site, security, mechanism),
            ));
        }
    }
    let all = [
        "PIPELINING",
        "8BITMIME",
        "SMTPUTF8",
        "CHUNKING",
        "SIZE",
        "ENHANCEDSTATUSCODES",
    ];
    for keyword in all {
        cases.push(Case::with(
            format!("S16 {keyword} is not offered"),
            Setup::always(Fault::without(keyword)),
            move |site| plain(site, keyword != "CHUNKING"),
        ));
    }
    cases.push(Case::with(
        "S16 nothing is offered but AUTH",
        Setup::all(all.map(Fault::without)),
        |site| plain(site, false),
    ));
    cases.push(Case::with(
        "S14 many messages at once go over one connection at a time",
        Setup::always(Fault::delay(Step::Content, SLOW_MILLIS)),
        one_connection,
    ));
    cases
}

fn goes_out(site: &Site, security: Security, mechanism: &str) {
    check(site, Becomes::Sent);
    let delivered = site.only_mail();
    let auth = delivered.auth.expect("authenticated");
    assert_eq!(
        (auth.mechanism.as_str(), auth.user.as_str()),
        (mechanism, &*site.address)
    );
    let tls = delivered.tls.expect("TLS");
    assert_eq!(tls.version.as_deref(), Some("TLSv1_3"));
    assert_eq!(tls.sni.as_deref(), Some("localhost"));
    let records = site.connections();
    assert_eq!(records.len(), 1);
    let plain = records[0].plaintext();
    match security {
        Security::StartTls => assert!(plain.ends_with("STARTTLS\r\n"), "{plain:?}"),
        Security::Implicit => assert_eq!(plain, "", "said in the clear"),
    }
}

/// Goes through as 7-bit, without a word of what is not offered: the record has no broken rule.
fn plain(site: &Site, by_bdat: bool) {
    check(site, Becomes::Sent);
    let delivered = site.only_mail();
    let form = if by_bdat {
        ContentForm::Bdat { chunks: 1 }
    } else {
        ContentForm::Data
    };
    assert_eq!(delivered.form, form);
    assert!(delivered.raw.is_ascii(), "content beyond 7 bit");
}

/// The server's own count: no connection begins before the one before it has ended.
fn one_connection(site: &Site) {
    let ids: Vec<String> = (0..AT_ONCE).map(|_| site.send()).collect();
    for id in &ids {
        site.until_sent(id);
    }
    assert_eq!(site.mails().len(), AT_ONCE);
    let records = site.connections();
    for pair in records.windows(2) {
        let ended = pair[0].ended_ms.expect("ended");
        assert!(ended <= pair[1].started_ms, "two connections at once");
    }
}
