//! What a person does in a browser to connect a mailbox, without the person: signs in to the Worker,
//! presses its button, consents at the stand-in provider, and is sent back.

use std::sync::{Arc, Mutex, PoisonError};

use edgepost_sandbox::Sandbox;

use crate::http::{Answer, Client, encode_form, query_value};
use crate::{Context, Result};

/// The content type of a form.
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// What a browser says it wants.
const HTML: (&str, &str) = ("accept", "text/html");

/// Somebody who is signed in to a Worker as its operator.
#[derive(Debug, Clone)]
pub struct Browser {
    client: Client,
    url: String,
    /// The cookie that it sends.
    pub cookie: String,
    /// What its pages send along with their forms.
    pub csrf: String,
    /// Every answer it got; clones share them.
    answers: Arc<Mutex<Vec<Answer>>>,
}

impl Browser {
    /// Signs in to the Worker at `url`, which is its `PUBLIC_URL` too.
    ///
    /// # Errors
    /// If the key is not taken.
    pub fn sign_in(url: &str, operator_key: &str) -> Result<Self> {
        let client = Client::new(None)?;
        let body = encode_form(&[("key", operator_key)]);
        let headers = [FORM, HTML, ("origin", url)];
        let answer = client.post(&format!("{url}/login"), body.as_bytes(), &headers)?;
        let cookie = answer.header("set-cookie").unwrap_or_default();
        let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        if answer.status != 303 || cookie.is_empty() {
            return Err(
                format!("signing in was answered {}: {}", answer.status, answer.body).into(),
            );
        }
        let mut browser = Self {
            client,
            url: url.to_owned(),
            cookie,
            csrf: String::new(),
            answers: Arc::new(Mutex::new(vec![answer])),
        };
        let page = browser.get("/operator")?;
        browser.csrf = hidden_fields(&page.body)
            .into_iter()
            .find_map(|(name, value)| (name == "csrf").then_some(value))
            .ok_or_else(|| format!("the list of mailboxes was answered {}", page.status))?;
        Ok(browser)
    }

    /// GET of a page of the Worker.
    ///
    /// # Errors
    /// If there is no answer.
    pub fn get(&self, path: &str) -> Result<Answer> {
        let headers = [HTML, ("cookie", self.cookie.as_str())];
        self.keep(self.client.get(&format!("{}{path}", self.url), &headers)?)
    }

    /// Presses the button whose form is sent to `path`.
    ///
    /// # Errors
    /// If there is no answer.
    pub fn press(&self, path: &str) -> Result<Answer> {
        let headers = [FORM, HTML, ("cookie", &self.cookie), ("origin", &self.url)];
        let body = encode_form(&[("csrf", &self.csrf)]);
        let url = format!("{}{path}", self.url);
        self.keep(self.client.post(&url, body.as_bytes(), &headers)?)
    }

    /// Every answer so far.
    #[must_use]
    pub fn answers(&self) -> Vec<Answer> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.clone()
    }

    fn keep(&self, answer: Answer) -> Result<Answer> {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.push(answer.clone());
        Ok(answer)
    }

    /// Begins to connect a mailbox; answers the address of the consent page.
    ///
    /// # Errors
    /// If it is not sent there.
    pub fn begin(&self, mailbox: &str) -> Result<String> {
        let answer = self.press(&format!("/mailboxes/{mailbox}/connect"))?;
        match way_out(&answer.body) {
            Some(consent) if answer.status == 200 => Ok(consent),
            _ => Err(format!("connecting was answered {}: {}", answer.status, answer.body).into()),
        }
    }

    /// Connects a mailbox, consenting as `account`.
    ///
    /// # Errors
    /// If it is not connected.
    pub fn connect(&self, sandbox: &Sandbox, mailbox: &str, account: &str) -> Result<()> {
        let consent = self.begin(mailbox)?;
        let callback = self.path_of(&allow(sandbox, &consent, account)?)?;
        let answer = self.get(&callback)?;
        if answer.status == 200 {
            Ok(())
        } else {
            Err(format!(
                "the callback was answered {}: {}",
                answer.status, answer.body
            )
            .into())
        }
    }

    /// Path and query of an address of the Worker.
    ///
    /// # Errors
    /// If it is none.
    pub fn path_of(&self, address: &str) -> Result<String> {
        let path = address.strip_prefix(&self.url);
        path.map(str::to_owned)
            .ok_or_else(|| "the provider sent the browser to another host".into())
    }
}

/// Opens the consent page and allows, as `account`; answers the address that the browser is sent back
/// to.
///
/// # Errors
/// If the page is none, or does not send it back with the state.
pub fn allow(sandbox: &Sandbox, consent: &str, account: &str) -> Result<String> {
    // Trusts the sandbox's authority and no other.
    let client = Client::new(Some(sandbox.ca_pem()))?;
    let page = client.get(consent, &[HTML])?;
    if page.status != 200 {
        return Err(format!("the consent page was answered {}", page.status).into());
    }
    let mut fields = hidden_fields(&page.body);
    fields.push(("account".to_owned(), account.to_owned()));
    fields.push(("decision".to_owned(), "allow".to_owned()));
    let fields: Vec<(&str, &str)> = fields
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    let endpoint = sandbox.authorization_endpoint();
    let answer = client
        .post_form(&endpoint, &fields, &[HTML])
        .context(|| "no consent".to_owned())?;
    let location = answer.header("location").unwrap_or_default();
    if answer.status != 303 || query_value(location, "state") != query_value(consent, "state") {
        return Err(format!("consent was answered {}", answer.status).into());
    }
    Ok(location.to_owned())
}

/// Where a page's foremost link leads.
#[must_use]
pub fn way_out(page: &str) -> Option<String> {
    let tags = page.split("<a").skip(1);
    let mut tags = tags.filter_map(|rest| rest.split('>').next());
    let link = tags.find(|tag| attribute(tag, "class").as_deref() == Some("first"))?;
    attribute(link, "href")
}

/// The hidden fields of the page's form, as a browser would send them back.
fn hidden_fields(page: &str) -> Vec<(String, String)> {
    page.split("<input")
        .skip(1)
        .filter_map(|rest| {
            let tag = rest.split('>').next()?;
            let hidden = attribute(tag, "type").as_deref() == Some("hidden");
            hidden.then(|| Some((attribute(tag, "name")?, attribute(tag, "value")?)))?
        })
        .collect()
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    Some(unescape(rest.split('"').next()?))
}

/// Character references as a template engine writes them.
fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let (reference, tail) = after.split_once(';').unwrap_or((after, ""));
        let code = match reference {
            "amp" => Some(38),
            "lt" => Some(60),
            "gt" => Some(62),
            "quot" => Some(34),
            number => number
                .strip_prefix('#')
                .and_then(|digits| match digits.strip_prefix('x') {
                    Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok(),
                    None => digits.parse().ok(),
                }),
        };
        out.extend(code.and_then(char::from_u32));
        rest = tail;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use edgepost_sandbox::{Options, Sandbox};

    use super::{allow, hidden_fields};
    use crate::http::{encode_form, query_value};

    #[test]
    fn consent_gives_a_code_to_addresses_of_this_machine_alone() {
        let sandbox = Sandbox::start(Options::default()).unwrap();
        let consent = |redirect_uri: &str| {
            let request = encode_form(&[
                ("response_type", "code"),
                ("client_id", sandbox.client_id()),
                ("redirect_uri", redirect_uri),
                ("scope", sandbox.scope()),
                ("state", "s&t"),
                ("code_challenge", &"x".repeat(43)),
                ("code_challenge_method", "S256"),
            ]);
            let address = format!("{}?{request}", sandbox.authorization_endpoint());
            allow(&sandbox, &address, "shop@sandbox.test")
        };
        let back = consent("http://localhost:1/callback").unwrap();
        assert!(query_value(&back, "code").unwrap().len() > 20);
        assert_eq!(query_value(&back, "iss"), Some(sandbox.issuer()));
        assert!(consent("https://evil.test/").is_err());
    }

    #[test]
    fn hidden_fields_are_sent_back_as_they_were_meant() {
        let page = r#"<form><input type="hidden" name="uri" value="http://a/?b&amp;c&#x2F;&#61;">
            <input type="radio" name="account" value="x"><input name="n" type="hidden" value="">"#;
        let expected = [("uri", "http://a/?b&c/="), ("n", "")];
        assert_eq!(
            hidden_fields(page),
            expected.map(|(n, v)| (n.to_owned(), v.to_owned()))
        );
    }
}
