use serde_json::json;

use super::*;
use crate::{oauth::SecretIn, tls::TlsMode};

const ROOT: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

fn parse(vars: Value) -> Config {
    let vars = vars.as_object().unwrap();
    Config::parse(
        &vars
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
    )
}

fn problems(config: &Config) -> Vec<String> {
    config.problems.iter().map(ToString::to_string).collect()
}

fn sound() -> Value {
    json!({
        "PUBLIC_URL": "https://mail.example.com",
        "ROOT_KEY": ROOT,
        "OPERATOR_KEY": ROOT,
        "SECRET_SALES_CLIENT": "hush",
        "MAILBOX_SALES": {
            "address": "Sales@Example.com", "name": "Example", "provider": "microsoft",
            "tenant": "example.com", "client_id": "id", "client_secret": "SECRET_SALES_CLIENT",
        },
        "FORM_CONTACT": {
            "mailbox": "sales", "to": ["owner@example.com"], "origins": ["https://example.com"],
        },
        "KEY_SHOP": { "hash": format!("sha256:{}", "ab".repeat(32)), "mailboxes": "sales" },
        "TOKENS": {},
        "SOMEBODY_ELSES": 5,
    })
}

#[test]
fn ok_everything_is_found_by_its_name() {
    let config = parse(sound());
    assert_eq!(problems(&config), [""; 0]);
    let mailbox = config.mailboxes.get(&"sales".parse().unwrap()).unwrap();
    assert_eq!(mailbox.sender.address.as_str(), "Sales@example.com");
    assert_eq!(mailbox.provider.smtp_host, "smtp.office365.com");
    let ClientAuthentication::Secret(secret) = config.authentication_of(mailbox) else {
        panic!("no secret");
    };
    assert_eq!(secret.expose(), "hush");
    let form = config.forms.get(&"contact".parse().unwrap()).unwrap();
    assert_eq!(form.subject.as_str(), "New enquiry from your website");
    assert_eq!(config.keys.len(), 1);
}

#[test]
fn err_all_problems_at_once_each_with_variable_and_field() {
    let config = parse(json!({
        "PUBLIC_URL": "http://mail.example.com",
        "ROOT_KEY": "short",
        "SECRET_EMPTY": "",
        "MAILBOX_SALES": {
            "address": "no", "provider": "custom", "client_secret": "hunter2",
            "refresh_token": "SECRET_NOT_SET", "smtp_host": "10.0.0.1", "smtp_port": 99999,
            "token_endpoint": "http://x.test/", "pasword": "x",
        },
        "MAILBOX_sales": {},
        "FORM_CONTACT": { "mailbox": "sales", "to": [] },
        "FORM_OTHER": { "mailbox": "nobody", "to": ["a@b.test"], "subject": "a\nb" },
        "FORM_LIST": 7,
        "KEY_SHOP": { "hash": "sha256:zz", "permission": "all" },
    }));
    assert_eq!(
        problems(&config),
        [
            "FORM_CONTACT.to: must name at least one recipient",
            "FORM_LIST: must be a table of fields",
            "FORM_OTHER.subject: a line break or another control character cannot stand here",
            "KEY_SHOP.hash: must be sha256: and 64 hexadecimal digits, as the key command prints it",
            "KEY_SHOP.mailboxes: must name at least one mailbox",
            "KEY_SHOP.permission: must be full_access or sending_access",
            "MAILBOX_SALES.address: an address has exactly one @",
            "MAILBOX_SALES.client_id: is required",
            "MAILBOX_SALES.client_secret: must be the name of a secret, such as SECRET_SALES",
            "MAILBOX_SALES.pasword: is not a known field",
            "MAILBOX_SALES.refresh_token: names the secret SECRET_NOT_SET, which is not set",
            "MAILBOX_SALES.scope: is required",
            "MAILBOX_SALES.smtp_host: must be the server's name as in its certificate",
            "MAILBOX_SALES.smtp_port: must be a port number from 1 to 65535",
            "MAILBOX_SALES.token_endpoint: must begin with https://",
            "MAILBOX_sales: must go on with capital letters, digits and single underscores, 40 at most",
            "PUBLIC_URL: must begin with https://",
            "ROOT_KEY: must be 32 random bytes in base64url, as the key command prints them",
            "SECRET_EMPTY: must be a text that is not empty",
        ]
    );
}

#[test]
fn a_faulty_entry_disables_itself_and_what_hangs_on_it_only() {
    let mut vars = sound();
    vars["MAILBOX_BROKEN"] = json!({ "address": "x" });
    vars["FORM_BROKEN"] = json!({ "mailbox": "broken", "to": ["a@b.test"] });
    let config = parse(vars);
    assert!(config.forms.contains_key(&"contact".parse().unwrap()));
    assert!(config.faulty_forms.contains(&"broken".parse().unwrap()));
    assert!(config.faulty_mailboxes.contains(&"broken".parse().unwrap()));
    assert!(!config.is_sound());
}

#[test]
fn problems_and_debug_hold_no_secret() {
    let mut vars = sound();
    vars["MAILBOX_SALES"]["client_secret"] = json!("canary-client-secret");
    vars["SECRET_SALES_CLIENT"] = json!("canary-secret");
    vars["ROOT_KEY"] = json!("canary-root");
    let config = parse(vars);
    assert!(!format!("{config:?}").contains("canary"));
    assert!(!problems(&config).concat().contains("canary"));
}

#[test]
fn err_one_mailbox_under_two_names() {
    let mut vars = sound();
    vars["MAILBOX_TWIN"] = vars["MAILBOX_SALES"].clone();
    vars["MAILBOX_TWIN"]["address"] = json!("SALES@example.com");
    let config = parse(vars);
    assert_eq!(config.mailboxes.len(), 1);
    let problem = problems(&config).remove(0);
    assert!(
        problem.starts_with("MAILBOX_TWIN.address: has the address"),
        "{problem}"
    );
}

#[test]
fn tls_begins_as_is_usual_at_the_port_or_as_the_operator_says() {
    let custom = |port: u16, tls: Option<&str>| {
        let mut vars = sound();
        vars["MAILBOX_SALES"] = json!({
            "address": "sales@example.com", "provider": "custom", "client_id": "id",
            "token_endpoint": "https://id.example.com/token", "scope": "smtp",
            "smtp_host": "smtp.example.com", "smtp_port": port,
        });
        if let Some(tls) = tls {
            vars["MAILBOX_SALES"]["smtp_tls"] = json!(tls);
        }
        parse(vars)
    };
    let tls = |config: &Config| {
        config.mailboxes[&"sales".parse().unwrap()]
            .provider
            .smtp_tls
    };
    assert_eq!(tls(&custom(465, None)), TlsMode::Implicit);
    assert_eq!(tls(&custom(587, None)), TlsMode::StartTls);
    assert_eq!(tls(&custom(465, Some("starttls"))), TlsMode::StartTls);
    assert_eq!(tls(&custom(2465, Some("implicit"))), TlsMode::Implicit);
    for (port, tls, problem) in [
        (
            587,
            Some("none"),
            "MAILBOX_SALES.smtp_tls: must be implicit or starttls",
        ),
        (25, None, "MAILBOX_SALES.smtp_port: must not be 25"),
    ] {
        let problems = problems(&custom(port, tls));
        assert!(
            problems.iter().any(|found| found.starts_with(problem)),
            "{problems:?}"
        );
    }
    // A preset says itself where it is and how; nobody else may.
    let mut vars = sound();
    vars["MAILBOX_SALES"]["smtp_tls"] = json!("implicit");
    assert_eq!(
        problems(&parse(vars))[1],
        "MAILBOX_SALES.smtp_tls: is not a known field"
    );
    // What is changed is tried at once, whatever was found wrong before.
    let settings =
        |config: &Config| config.settings_of(&config.mailboxes[&"sales".parse().unwrap()]);
    assert_ne!(
        settings(&custom(465, None)),
        settings(&custom(465, Some("starttls")))
    );
}

#[test]
fn s3_nothing_that_goes_into_a_command_can_end_its_line() {
    for (field, value) in [
        ("address", json!("sales@example.com\r\nQUIT")),
        ("address", json!("sales@exam\nple.com")),
        ("address", json!("sales@example.com> SIZE=1")),
        ("aliases", json!(["a\r@example.com"])),
        ("smtp_host", json!("smtp.example.com\r\n")),
        ("smtp_port", json!("587\r\nRSET")),
        ("smtp_tls", json!("implicit\r\n")),
    ] {
        let mut vars = sound();
        vars["MAILBOX_SALES"] = json!({
            "address": "sales@example.com", "provider": "custom", "client_id": "id",
            "token_endpoint": "https://id.example.com/token", "scope": "smtp",
            "smtp_host": "smtp.example.com", "smtp_port": 587,
        });
        vars["MAILBOX_SALES"][field] = value;
        let config = parse(vars);
        assert!(config.mailboxes.is_empty(), "{field}");
        assert!(problems(&config)[1].starts_with(&format!("MAILBOX_SALES.{field}: ")));
    }
}

fn mailbox_with(fields: &Value) -> Config {
    let mut mailbox = json!({ "address": "a@b.test", "client_id": "id" });
    let table = mailbox.as_object_mut().unwrap();
    table.extend(fields.as_object().unwrap().clone());
    parse(json!({
        "PUBLIC_URL": "https://mail.example.com", "ROOT_KEY": ROOT, "SECRET_A": "hush",
        "MAILBOX_A": mailbox,
    }))
}

#[test]
fn providers_are_known_by_name_and_cloud() {
    let cases = [
        (
            json!({"provider": "microsoft", "tenant": "x.test"}),
            "https://login.microsoftonline.com/x.test/oauth2/v2.0/token",
            ("smtp.office365.com", 587),
        ),
        (
            json!({"provider": "microsoft", "tenant": "x.test", "cloud": "us-gov"}),
            "https://login.microsoftonline.us/x.test/oauth2/v2.0/token",
            ("smtp.office365.us", 587),
        ),
        (
            json!({"provider": "microsoft", "tenant": "x.test", "cloud": "china"}),
            "https://login.partner.microsoftonline.cn/x.test/oauth2/v2.0/token",
            ("smtp.partner.outlook.cn", 587),
        ),
        (
            json!({"provider": "outlook"}),
            "https://login.microsoftonline.com/consumers/oauth2/v2.0/token",
            ("smtp-mail.outlook.com", 587),
        ),
        (
            json!({"provider": "google"}),
            "https://oauth2.googleapis.com/token",
            ("smtp.gmail.com", 465),
        ),
        (
            json!({"provider": "gmail"}),
            "https://oauth2.googleapis.com/token",
            ("smtp.gmail.com", 465),
        ),
    ];
    for (fields, endpoint, (host, port)) in cases {
        let config = mailbox_with(&fields);
        assert_eq!(problems(&config), [""; 0], "{fields}");
        let provider = &config.mailboxes.values().next().unwrap().provider;
        assert_eq!(provider.token_endpoint.as_deref(), Some(endpoint));
        assert_eq!(
            (provider.smtp_host.as_str(), provider.smtp_port),
            (host, port)
        );
        assert_eq!(provider.smtp_tls, TlsMode::usual_at(port));
    }
}

#[test]
fn an_application_has_a_proof_a_directory_and_no_refresh_token() {
    let sound = mailbox_with(&json!({
        "provider": "microsoft", "tenant": "x.test", "grant": "application",
        "client_secret": "SECRET_A",
    }));
    assert_eq!(problems(&sound), [""; 0]);
    let faulty = mailbox_with(&json!({
        "provider": "microsoft", "tenant": "common", "grant": "application",
        "refresh_token": "SECRET_A",
    }));
    assert_eq!(
        problems(&faulty),
        [
            "MAILBOX_A.client_secret: is required with grant = \"application\", or private_key is: the application has to prove who it is",
            "MAILBOX_A.refresh_token: has no meaning without a person's consent; leave it out, or set grant = \"consent\"",
            "MAILBOX_A.tenant: must be the directory's id or domain with grant = \"application\"",
        ]
    );
    let google = mailbox_with(&json!({
        "provider": "google", "grant": "application", "client_secret": "SECRET_A",
        "cloud": "china",
    }));
    assert_eq!(
        problems(&google),
        [
            "MAILBOX_A.cloud: is not a known field",
            "MAILBOX_A.grant: must be consent or service_account with this provider",
        ]
    );
}

fn with_alert(alert: Value) -> Config {
    let mut vars = sound();
    vars["ALERT"] = alert;
    vars["SECRET_HOOK"] = json!("hush");
    parse(vars)
}

#[test]
fn ok_every_channel_of_alerts_can_be_configured() {
    let config = with_alert(json!({
        "url": "https://hooks.example.com/x", "secret": "SECRET_HOOK", "mailbox": "sales",
        "to": ["owner@example.com"], "send_email_from": "alerts@example.com",
    }));
    assert_eq!(problems(&config), [""; 0]);
    let alert = &config.alert;
    assert!(alert.hook.is_some() && alert.mailbox.is_some() && alert.send_email.is_some());
    assert!(parse(sound()).alert.is_empty());
}

#[test]
fn err_a_faulty_channel_of_alerts_disables_only_itself() {
    let config = with_alert(json!({
        "url": "http://hooks.example.com/", "mailbox": "nobody", "to": "owner@example.com",
        "send_email_from": "alerts@example.com", "email": "x",
    }));
    assert_eq!(
        problems(&config),
        [
            "ALERT.email: is not a known field",
            "ALERT.mailbox: names a mailbox that is not configured",
            "ALERT.url: must begin with https://",
        ]
    );
    let alert = &config.alert;
    assert!(alert.hook.is_none() && alert.mailbox.is_none() && alert.send_email.is_some());
    assert_eq!(config.mailboxes.len(), 1);
    for (alert, problem) in [
        (json!(7), "ALERT: must be a table of fields"),
        (
            json!({ "mailbox": "sales" }),
            "ALERT.to: must name at least one recipient",
        ),
        (
            json!({ "url": "https://x.test/", "to": "a@b.test" }),
            "ALERT.to: is for `mailbox` or `send_email_from`, of which there is none",
        ),
        (
            json!({ "url": "https://x.test/", "secret": "hunter2" }),
            "ALERT.secret: must be the name of a secret, such as SECRET_SALES",
        ),
        (
            json!({ "url": "https://x.test/", "secret": "SECRET_NOT_SET" }),
            "ALERT.secret: names the secret SECRET_NOT_SET, which is not set",
        ),
    ] {
        let config = with_alert(alert.clone());
        assert_eq!(problems(&config), [problem]);
        assert!(config.alert.mailbox.is_none(), "{alert}");
    }
    let config = with_alert(json!({ "url": "https://x.test/", "secret": "hunter2" }));
    assert!(config.alert.hook.is_none());
}

#[test]
fn err_alerts_through_a_mailbox_with_a_fault_say_so_once() {
    let mut vars = sound();
    vars["MAILBOX_OFFICE"] = json!({ "provider": "google", "client_id": "x" });
    vars["ALERT"] = json!({ "mailbox": "office", "to": ["owner@example.com"] });
    let config = parse(vars);
    assert_eq!(problems(&config), ["MAILBOX_OFFICE.address: is required"]);
    assert!(config.alert.is_empty());
}

fn custom_with(fields: &Value) -> Config {
    let mut mailbox = json!({
        "provider": "custom", "scope": "smtp", "smtp_host": "mx.example.com", "smtp_port": 465,
    });
    let table = mailbox.as_object_mut().unwrap();
    table.extend(fields.as_object().unwrap().clone());
    mailbox_with(&mailbox)
}

#[test]
fn a_custom_provider_is_its_endpoints_or_its_issuer_alone() {
    let provider = |fields: Value| {
        let config = custom_with(&fields);
        assert_eq!(problems(&config), [""; 0], "{fields}");
        config.mailboxes.values().next().unwrap().provider.clone()
    };
    let given = provider(json!({ "token_endpoint": "https://id.test/t" }));
    assert_eq!(given.token_endpoint.as_deref(), Some("https://id.test/t"));
    assert_eq!((given.discovered, given.names_itself), (false, false));
    assert_eq!(given.secret_in, SecretIn::Body);
    let basic = json!({ "token_endpoint": "https://id.test/t", "issuer": "https://id.test/",
        "token_endpoint_auth_method": "client_secret_basic" });
    let basic = provider(basic);
    // To the letter, with the slash that it was written with.
    assert_eq!(basic.issuer.as_deref(), Some("https://id.test/"));
    assert_eq!((basic.discovered, basic.names_itself), (false, true));
    assert_eq!(basic.secret_in, SecretIn::Header);
    let alone = provider(json!({ "issuer": "https://id.test/realms/x" }));
    assert_eq!(alone.token_endpoint, None);
    assert_eq!((alone.discovered, alone.names_itself), (true, false));
}

#[test]
fn err_a_custom_provider_without_a_source_of_tokens_or_with_two() {
    for (fields, problem) in [
        (
            json!({}),
            "token_endpoint: is required, or issuer in its place",
        ),
        (
            json!({ "issuer": "http://id.test" }),
            "issuer: must be the issuer as the provider writes it: https://, a host, and a path or none",
        ),
        (
            json!({ "token_endpoint": "x", "issuer": "https://id.test" }),
            "token_endpoint: must be an absolute address such as https://www.example.com/",
        ),
        (
            json!({ "issuer": "https://id.test", "authorization_endpoint": "https://id.test/a" }),
            "authorization_endpoint: goes with token_endpoint; without that, the issuer's metadata says it",
        ),
        (
            json!({ "issuer": "https://id.test", "token_endpoint_auth_method": "client_secret_basic" }),
            "token_endpoint_auth_method: goes with token_endpoint; without that, the issuer's metadata says it",
        ),
        (
            json!({ "token_endpoint": "https://id.test/t", "token_endpoint_auth_method": "none" }),
            "token_endpoint_auth_method: must be client_secret_post or client_secret_basic",
        ),
    ] {
        assert_eq!(
            problems(&custom_with(&fields)),
            [format!("MAILBOX_A.{problem}")],
            "{fields}"
        );
    }
}

#[test]
fn o6_each_authorization_server_has_a_redirect_path_of_its_own() {
    let path = |name: &str, fields: Value| {
        let config = custom_with(&fields);
        let mailbox = config.mailboxes.values().next().unwrap();
        mailbox.callback_path(&name.parse().unwrap())
    };
    let custom = json!({ "issuer": "https://id.test" });
    assert_eq!(
        path("sales", custom.clone()),
        "/oauth/callback/custom/sales"
    );
    // Whatever the mailbox is called, it does not get the path of a preset.
    assert_eq!(path("google", custom), "/oauth/callback/custom/google");
    let google = mailbox_with(&json!({ "provider": "google" }));
    let google = google.mailboxes.values().next().unwrap();
    assert_eq!(
        google.callback_path(&"sales".parse().unwrap()),
        "/oauth/callback/google"
    );
}

#[test]
fn consent_is_asked_for_where_the_scope_needs_it() {
    for (scope, endpoint, extras) in [
        ("smtp", "https://id.test/a", &[][..]),
        (
            "smtp offline_access",
            "https://id.test/a",
            &[("prompt", "consent")],
        ),
        ("smtp offline_access", "https://id.test/a?prompt=login", &[]),
    ] {
        let config = custom_with(&json!({ "scope": scope, "authorization_endpoint": endpoint,
            "token_endpoint": "https://id.test/t" }));
        let mailbox = config.mailboxes.values().next().unwrap();
        assert_eq!(
            mailbox.provider.authorization_extras, extras,
            "{scope} {endpoint}"
        );
    }
}
