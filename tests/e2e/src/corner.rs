//! A case's corner of a world: its ports, account, keys, mailboxes and forms.

use edgepost_sandbox::{SMTP_SCOPE, Sandbox};
use serde_json::{Map, Value, json};
use xtask::Result;

use crate::api::Keys;
use crate::case::{Case, Port};
use crate::site::OWNER;

/// What one case has in the configuration.
pub(crate) struct Corner {
    pub(crate) forms: Vec<String>,
    pub(crate) address: String,
    pub(crate) port: u16,
    pub(crate) keys: Option<Keys>,
}

/// Opens the ports, makes the account, and adds what the case needs to variables and secrets.
pub(crate) fn configure(
    world: &str,
    number: usize,
    case: &Case,
    sandbox: &Sandbox,
    vars: &mut Map<String, Value>,
    secrets: &mut Vec<(String, String)>,
) -> Result<Corner> {
    let setup = &case.setup;
    let address = format!("{world}{number}@shop.test");
    let (scripts, then) = (setup.connections.clone(), setup.then.clone());
    let opened = if setup.implicit_tls {
        sandbox.open_smtps(scripts, then)
    } else {
        sandbox.open_smtp(scripts, then)
    };
    let port = opened?.port();
    let (smtp_host, smtp_port) = match setup.elsewhere {
        None => ("localhost", port),
        Some(server) => match server.port {
            Port::Number(port) => (server.host, port),
            Port::Closed => (server.host, xtask::ports::free()?),
        },
    };
    let smtp_tls = if setup.implicit_tls {
        "implicit"
    } else {
        "starttls"
    };
    let authorization_endpoint = if setup.federated {
        sandbox.federated_endpoint()
    } else {
        sandbox.authorization_endpoint()
    };
    sandbox.add_account(&address, setup.account.clone());
    let refresh_secret = format!("SECRET_REFRESH{number}");
    if setup.granted {
        secrets.push((refresh_secret.clone(), sandbox.grant(&address)));
    }
    sandbox.script_token_endpoint(&address, (setup.token)(port), setup.token_then.clone());

    let mut forms = Vec::new();
    let keys = if setup.api {
        let keys = Keys::fresh(number, &address)?;
        vars.extend(keys.variables(&mailbox_name(number, 0)));
        Some(keys)
    } else {
        None
    };
    let aliases = keys.as_ref().map_or(Vec::new(), Keys::aliases);
    for mailbox in 0..setup.mailboxes {
        let name = mailbox_name(number, mailbox);
        let upper = name.to_uppercase();
        // No two mailboxes may have the same; the account is one.
        let address = match mailbox {
            0 => address.clone(),
            _ => address.replace('@', &format!("+{mailbox}@")),
        };
        let mut mailbox = json!({
            "address": address, "name": "The Shop", "provider": "custom",
            "client_id": sandbox.client_id(), "client_secret": "SECRET_CLIENT",
            "authorization_endpoint": authorization_endpoint, "issuer": sandbox.issuer(),
            "token_endpoint": sandbox.token_endpoint(), "scope": SMTP_SCOPE,
            "smtp_host": smtp_host, "smtp_port": smtp_port, "smtp_tls": smtp_tls,
            "aliases": aliases,
        });
        if setup.granted {
            mailbox["refresh_token"] = json!(refresh_secret);
        }
        let mut form = json!({ "mailbox": name, "to": [OWNER], "subject": "An enquiry" });
        if let Some(redirect) = setup.redirect {
            form["redirect"] = json!(redirect);
        }
        vars.insert(format!("MAILBOX_{upper}"), mailbox);
        vars.insert(format!("FORM_{upper}"), form);
        forms.push(name);
    }
    Ok(Corner {
        forms,
        address,
        port,
        keys,
    })
}

fn mailbox_name(number: usize, mailbox: usize) -> String {
    format!("c{number}_{mailbox}")
}
