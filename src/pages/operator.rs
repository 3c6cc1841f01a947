//! The operator's pages. What they say comes from us, or is escaped by the engine.

use askama::Template;

use super::{Page, STYLE, page};

/// Something that can be done, as a button.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// Where its form is sent.
    pub path: String,
    /// What stands on it.
    pub label: &'static str,
    /// Whether it is what there is to do here.
    pub first: bool,
}

/// A mailbox as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its address.
    pub address: String,
    /// Its name in the configuration.
    pub name: String,
    /// How it is, in a sentence.
    pub state: String,
    /// What to do about it.
    pub advice: &'static str,
    /// Whether a person has to do it.
    pub needs_person: bool,
    /// What can be done.
    pub actions: Vec<Action>,
}

/// Says one thing.
#[derive(Debug, Clone, Default)]
pub struct Notice<'a> {
    /// The heading.
    pub title: &'a str,
    /// A sentence or two.
    pub text: &'a str,
    /// What else there is to know, a line each.
    pub facts: Vec<String>,
    /// What to do now, with the session's code.
    pub action: Option<(Action, String)>,
    /// Where to go now, with what the link says.
    pub link: Option<(&'a str, &'a str)>,
    /// Whether whoever reads it is signed in.
    pub signed_in: bool,
}

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage<'a> {
    style: &'a str,
    problem: &'a str,
}

#[derive(Template)]
#[template(path = "board.html")]
struct BoardPage<'a> {
    style: &'a str,
    csrf: &'a str,
    mailboxes: &'a [Listed],
}

#[derive(Template)]
#[template(path = "notice.html")]
struct NoticePage<'a> {
    style: &'a str,
    csrf: &'a str,
    title: &'a str,
    text: &'a str,
    facts: &'a [String],
    action: Option<&'a Action>,
    link: Option<(&'a str, &'a str)>,
    way_on: (&'a str, &'a str),
}

/// Asks for the key. `problem` is why it has to ask again, or empty.
pub fn login(problem: &str) -> Page {
    let template = LoginPage {
        style: STYLE,
        problem,
    };
    page(template.render(), "'self'")
}

/// Lists the mailboxes.
pub fn board(mailboxes: &[Listed], csrf: &str) -> Page {
    let template = BoardPage {
        style: STYLE,
        csrf,
        mailboxes,
    };
    page(template.render(), "'self'")
}

/// Says one thing.
pub fn notice(notice: &Notice<'_>) -> Page {
    let way_on = if notice.signed_in {
        ("/operator", "All mailboxes")
    } else {
        ("/login", "Sign in")
    };
    let template = NoticePage {
        style: STYLE,
        csrf: notice.action.as_ref().map_or("", |(_, csrf)| csrf),
        title: notice.title,
        text: notice.text,
        facts: &notice.facts,
        action: notice.action.as_ref().map(|(action, _)| action),
        link: notice.link,
        way_on,
    };
    page(template.render(), "'self'")
}
