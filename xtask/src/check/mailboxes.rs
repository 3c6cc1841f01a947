//! What an operator has to know of each mailbox: what is registered with the provider, and what the
//! provider has published about sending.

use edgepost::config::{Config, MailboxConfig, Name};
use edgepost::oauth::{Provider, Published, Right};

/// The notes on all mailboxes.
pub(super) fn notes(config: &Config) -> Vec<String> {
    let mut notes = Vec::new();
    for (name, mailbox) in &config.mailboxes {
        let variable = format!("MAILBOX_{}", name.as_str().to_uppercase());
        let about = [
            redirect(config, name, mailbox),
            source(&mailbox.provider),
            api(mailbox),
            mailbox.provider.published().map(figures),
        ];
        let about = about.into_iter().flatten();
        notes.extend(about.map(|note| format!("{variable}: {note}")));
        let quirks = mailbox.provider.published().map_or(&[][..], |it| it.quirks);
        notes.extend(quirks.iter().map(|quirk| format!("{variable}: {quirk}")));
    }
    notes
}

/// The address is compared to the letter there, so it is said here to the letter.
fn redirect(config: &Config, name: &Name, mailbox: &MailboxConfig) -> Option<String> {
    let provider = &mailbox.provider;
    let by_consent = mailbox.right == Right::Consent
        && (provider.discovered || provider.authorization_endpoint.is_some());
    let public_url = config.public_url.as_ref().filter(|_| by_consent)?;
    let path = mailbox.callback_path(name);
    Some(format!(
        "the redirect URI to register with the provider is {}{path}",
        public_url.as_str()
    ))
}

fn source(provider: &Provider) -> Option<String> {
    let issuer = provider.issuer.as_ref().filter(|_| provider.discovered)?;
    let [first, second] = edgepost::oauth::metadata_addresses(issuer);
    Some(format!(
        "the endpoints come from {first} or, where there is none, from {second}"
    ))
}

/// For whoever registers the application, and may allow both at once.
fn api(mailbox: &MailboxConfig) -> Option<String> {
    let (smtp, api) = match mailbox.right {
        Right::Consent => (
            Some(&mailbox.provider.smtp_scope),
            mailbox.provider.api_scope.as_ref(),
        ),
        Right::Application | Right::ServiceAccount => (
            mailbox.provider.application_scope.as_ref(),
            mailbox.provider.api_application_scope.as_ref(),
        ),
    };
    let smtp = format!("sends with the scope {}", smtp?);
    Some(match api {
        Some(api) => format!("{smtp}; the provider's own API would need {api}"),
        None => smtp,
    })
}

fn figures(published: &Published) -> String {
    let figure = |value: Option<u64>, what: &str| value.map(|value| format!("{value} {what}"));
    let figures = [
        figure(
            published.messages_a_minute.map(u64::from),
            "messages a minute",
        ),
        figure(published.messages_a_day.map(u64::from), "messages a day"),
        figure(
            published.recipients_a_day.map(u64::from),
            "recipients a day",
        ),
        figure(
            published.recipients_a_message.map(u64::from),
            "recipients a message",
        ),
        figure(published.message_octets, "octets a message"),
    ];
    let figures: Vec<String> = figures.into_iter().flatten().collect();
    format!(
        "its provider has published {}, and {} as the mechanism of AUTH",
        figures.join(", "),
        published.mechanism
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use edgepost::config::Config;
    use serde_json::{Value, json};

    use super::notes;

    fn notes_of(mailbox: Value) -> String {
        let vars: BTreeMap<String, Value> = serde_json::from_value(json!({
            "PUBLIC_URL": "https://mail.example.com",
            "ROOT_KEY": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
            "SECRET_CLIENT": "x",
            "MAILBOX_SALES": mailbox,
        }))
        .unwrap();
        let config = Config::parse(&vars);
        assert!(config.is_sound(), "{:?}", config.problems);
        notes(&config).join("\n")
    }

    #[test]
    fn each_mailbox_is_told_its_redirect_uri_and_its_providers_figures() {
        let google = notes_of(json!({
            "address": "a@b.test", "provider": "google", "client_id": "c",
        }));
        for words in [
            "MAILBOX_SALES: the redirect URI to register with the provider is https://mail.example.com/oauth/callback/google\n",
            "would need https://www.googleapis.com/auth/gmail.send",
            "published 2000 messages a day, 10000 recipients a day, 100 recipients a message, 35882577 octets a message, and XOAUTH2",
            "7 days while the OAuth app",
        ] {
            assert!(google.contains(words), "{google}");
        }
        let custom = notes_of(json!({
            "address": "a@b.test", "provider": "custom", "client_id": "c", "scope": "smtp",
            "issuer": "https://id.test/x", "smtp_host": "mx.test", "smtp_port": 465,
        }));
        for words in [
            "https://mail.example.com/oauth/callback/custom/sales\n",
            "https://id.test/.well-known/oauth-authorization-server/x",
            "https://id.test/x/.well-known/openid-configuration",
        ] {
            assert!(custom.contains(words), "{custom}");
        }
    }

    #[test]
    fn an_application_has_no_redirect_uri() {
        let notes = notes_of(json!({
            "address": "a@b.test", "provider": "microsoft", "tenant": "b.test", "client_id": "c",
            "grant": "application", "client_secret": "SECRET_CLIENT",
        }));
        assert!(!notes.contains("redirect URI"), "{notes}");
        assert!(notes.contains("30 messages a minute"), "{notes}");
        assert!(
            notes.contains("https://graph.microsoft.com/.default"),
            "{notes}"
        );
    }
}
