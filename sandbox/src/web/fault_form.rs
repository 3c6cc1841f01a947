//! The form of the page of faults, read into a script.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::http::Parameters;
use crate::smtp::script::{Fault, Script};

/// What can be missing from the offers of the server.
pub(super) const KEYWORDS: [&str; 8] = [
    "STARTTLS",
    "PIPELINING",
    "CHUNKING",
    "8BITMIME",
    "SMTPUTF8",
    "SIZE",
    "XOAUTH2",
    "OAUTHBEARER",
];

/// The script that was chosen, or in words why there is none.
pub(super) fn script(parameters: &Parameters) -> Result<Script, String> {
    let form = Form { parameters };
    let fault = match parameters.get("kind").unwrap_or_default() {
        "reply" => form.at("reply", json!({ "text": form.text("reply_text")? })),
        "slow" => match form.text("slow_way")? {
            "never" => form.at("stall", json!({})),
            "late" => form.at("delay", json!({ "millis": form.number("slow_millis")? })),
            _ => form.at(
                "trickle",
                json!({ "octets": form.number("slow_octets")?, "pause_millis": form.number("slow_millis")? }),
            ),
        },
        "end" => form.at(
            "drop",
            json!({ "when": form.text("end_when")?, "how": form.text("end_how")? }),
        ),
        "cut" => fault(json!({ "cut": {
            "flow": form.text("cut_flow")?, "octets": form.number("cut_octets")?,
            "how": form.text("cut_how")?,
        }})),
        "garbage" => form.at("garbage", json!({ "garbage": form.garbage()? })),
        "tls" => fault(tls(form.text("tls_fault")?)),
        "offer" => return form.offer(),
        "idle" => fault(json!({ "idle": {
            "millis": form.number("idle_millis")?, "text": parameters.get("idle_text"),
            "how": form.text("idle_how")?,
        }})),
        "script" => return parse(form.text("script")?),
        _ => Err("Choose what is to go wrong.".to_owned()),
    };
    Ok(Script::of([fault?]))
}

/// The script itself, as the JSON API takes it: an object with `faults`, or the faults alone.
fn parse(text: &str) -> Result<Script, String> {
    let value: Value =
        serde_json::from_str(text).map_err(|error| format!("The script is no JSON: {error}."))?;
    let value = match value {
        Value::Array(faults) => json!({ "faults": faults }),
        other => other,
    };
    read(value)
}

fn fault(value: Value) -> Result<Fault, String> {
    read(value)
}

fn read<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|error| format!("This cannot be done: {error}."))
}

/// What can go wrong with TLS, each by its name in the form.
fn tls(name: &str) -> Value {
    let old = |version: &str, answer: &str| json!({ "old_tls": { "version": version, "answer": answer } });
    match name {
        "wrong_name" | "expired" | "unknown_issuer" => json!({ "certificate": name }),
        "tls10" => old("tls10", "alert"),
        "tls11" => old("tls11", "alert"),
        "tls10_hello" => old("tls10", "hello"),
        "tls11_hello" => old("tls11", "hello"),
        "stall" => json!({ "stall": { "step": "handshake" } }),
        "reset" => {
            json!({ "drop": { "step": "handshake", "when": "before_reply", "how": "rst" } })
        }
        "inject" => json!({ "inject_after_start_tls": {
            "segment": "same", "bytes": "250 AUTH PLAIN LOGIN\r\n",
        }}),
        "close" => json!({ "close_with_start_tls": { "how": "fin" } }),
        // The names of faults without fields are their own.
        other => json!(other),
    }
}

struct Form<'a> {
    parameters: &'a Parameters,
}

impl<'a> Form<'a> {
    fn text(&self, name: &str) -> Result<&'a str, String> {
        self.parameters
            .get(name)
            .ok_or_else(|| format!("The field {name} is empty."))
    }

    fn number(&self, name: &str) -> Result<u64, String> {
        self.text(name)?
            .parse()
            .map_err(|_| format!("The field {name} is no whole number."))
    }

    fn optional(&self, name: &str) -> Result<Option<u64>, String> {
        self.parameters
            .get(name)
            .map(|_| self.number(name))
            .transpose()
    }

    /// A fault at the chosen step.
    fn at(&self, name: &str, mut fields: Value) -> Result<Fault, String> {
        if let Some(fields) = fields.as_object_mut() {
            fields.insert("step".to_owned(), json!(self.text("step")?));
            fields.insert("nth".to_owned(), json!(self.optional("nth")?));
        }
        let mut whole = serde_json::Map::new();
        whole.insert(name.to_owned(), fields);
        fault(Value::Object(whole))
    }

    fn garbage(&self) -> Result<Value, String> {
        Ok(match self.text("garbage")? {
            "long_line" => json!({ "long_line": 1_000_000 }),
            "many_lines" => json!({ "many_lines": 10_000 }),
            other => json!(other),
        })
    }

    fn offer(&self) -> Result<Script, String> {
        let missing = KEYWORDS
            .into_iter()
            .filter(|keyword| self.parameters.get(&format!("without_{keyword}")).is_some());
        let mut faults: Vec<Fault> = missing.map(Fault::without).collect();
        if let Some(octets) = self.optional("max_size")? {
            faults.push(Fault::MaxSize(octets));
        }
        if let Some(most) = self.optional("max_recipients")? {
            faults.push(Fault::MaxRecipients(
                u32::try_from(most).unwrap_or(u32::MAX),
            ));
        }
        if faults.is_empty() {
            return Err("Choose what is missing, or a limit.".to_owned());
        }
        Ok(Script::of(faults))
    }
}

#[cfg(test)]
mod tests {
    use super::script;
    use crate::http::Parameters;
    use crate::smtp::script::{Fault, Flow, Garbage, How, Script, Step};

    fn read(form: &str) -> Result<Script, String> {
        script(&Parameters::parse(form.as_bytes()))
    }

    #[test]
    fn each_kind_becomes_its_fault() {
        let trickle = Fault::Trickle {
            step: Step::Quit,
            nth: None,
            octets: 1,
            pause_millis: 5,
        };
        let idle = Fault::Idle {
            millis: 9,
            text: None,
            how: How::Rst,
        };
        for (form, fault) in [
            (
                "kind=reply&step=mail&nth=2&reply_text=451+x",
                Fault::reply(Step::Mail, "451 x").only(2),
            ),
            (
                "kind=slow&step=data&nth=&slow_way=never",
                Fault::stall(Step::Data),
            ),
            (
                "kind=slow&step=data&slow_way=late&slow_millis=5",
                Fault::delay(Step::Data, 5),
            ),
            (
                "kind=slow&step=quit&slow_way=trickle&slow_octets=1&slow_millis=5",
                trickle,
            ),
            (
                "kind=end&step=rcpt&end_when=after_reply&end_how=fin",
                Fault::drop_after(Step::Rcpt),
            ),
            (
                "kind=cut&cut_flow=server_tls&cut_octets=7&cut_how=stall",
                Fault::cut(Flow::ServerTls, 7, How::Stall),
            ),
            (
                "kind=garbage&step=ehlo&garbage=many_lines",
                Fault::garbage(Step::Ehlo, Garbage::ManyLines(10_000)),
            ),
            (
                "kind=garbage&step=ehlo&garbage=binary",
                Fault::garbage(Step::Ehlo, Garbage::Binary),
            ),
            ("kind=tls&tls_fault=other_security", Fault::OtherSecurity),
            ("kind=tls&tls_fault=stall", Fault::stall(Step::Handshake)),
            ("kind=idle&idle_millis=9&idle_text=&idle_how=rst", idle),
            ("kind=offer&without_CHUNKING=on", Fault::without("CHUNKING")),
            (
                "kind=script&script=[%22ehlo_refused%22]",
                Fault::EhloRefused,
            ),
        ] {
            assert_eq!(read(form), Ok(Script::of([fault])), "{form}");
        }
    }

    #[test]
    fn all_that_the_form_can_say_of_tls_is_a_fault() {
        let page = include_str!("../../templates/faults.html");
        let choices = page.split("name=\"tls_fault\"").nth(1).unwrap();
        let choices = choices.split("</select>").next().unwrap();
        let names: Vec<&str> = choices
            .split("value=\"")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap())
            .collect();
        assert!(names.len() > 10);
        for name in names {
            assert!(
                read(&format!("kind=tls&tls_fault={name}")).is_ok(),
                "{name}"
            );
        }
    }

    #[test]
    fn what_is_missing_or_wrong_is_said() {
        for form in [
            "",
            "kind=reply&step=mail",
            "kind=reply&step=nowhere&reply_text=x",
            "kind=slow&step=mail&slow_way=late&slow_millis=soon",
            "kind=offer",
            "kind=tls&tls_fault=none",
            "kind=script&script={",
            "kind=script&script={\"fault\":[]}",
        ] {
            assert!(read(form).is_err(), "{form}");
        }
    }
}
