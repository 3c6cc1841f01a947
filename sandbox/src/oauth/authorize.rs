//! The authorization endpoint and its consent page.

use std::sync::Arc;

use askama::Template;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};
use url::Url;

use crate::http::{Parameters, is_loopback};
use crate::world::World;

/// Octets of a base64url SHA-256, RFC 7636 §4.2.
const CHALLENGE_LENGTH: usize = 43;

/// A request in good order.
struct Authorization {
    client_id: String,
    redirect_uri: Url,
    /// As it came: the token endpoint compares it to the letter.
    redirect_uri_text: String,
    scope: String,
    state: String,
    challenge: String,
    login_hint: String,
}

/// Why a request is none.
enum Invalid {
    /// The client or its address is in doubt: nothing may be sent there (RFC 6749 §4.1.2.1).
    Page(String),
    /// The client is told.
    Redirect(Box<Url>, &'static str, String),
}

#[derive(Template)]
#[template(path = "consent.html")]
struct ConsentPage<'a> {
    request: &'a Authorization,
    scopes: Vec<&'a str>,
    accounts: Vec<String>,
    chosen: String,
    /// What was wrong with the last attempt.
    problem: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "refused.html")]
struct RefusedPage {
    problem: String,
}

pub(super) async fn ask(State(world): State<Arc<World>>, RawQuery(query): RawQuery) -> Response {
    let parameters = Parameters::parse(query.unwrap_or_default().as_bytes());
    if let Some(state) = parameters.get("state") {
        world.accounts.note("state", state);
    }
    match Authorization::read(&world, &parameters) {
        Ok(request) => consent(&world, &request, None),
        Err(invalid) => invalid.respond(&world),
    }
}

/// The form carries the request's parameters along and is checked from the start, so what the person
/// saw and what is granted cannot differ.
pub(super) async fn decide(State(world): State<Arc<World>>, body: Bytes) -> Response {
    let form = Parameters::parse(&body);
    let request = match Authorization::read(&world, &form) {
        Ok(request) => request,
        Err(invalid) => return invalid.respond(&world),
    };
    if form.get("decision") != Some("allow") {
        let refusal = Invalid::Redirect(
            Box::new(request.redirect_uri),
            "access_denied",
            request.state,
        );
        return refusal.respond(&world);
    }
    let account = form
        .get("other_account")
        .or_else(|| form.get("account"))
        .unwrap_or_default()
        .trim()
        .to_owned();
    if !is_address(&account) {
        return consent(
            &world,
            &request,
            Some("Choose an account, or type an address such as shop@sandbox.test."),
        );
    }
    let code = world.accounts.issue_code(
        &request.client_id,
        &account,
        &request.scope,
        &request.redirect_uri_text,
        &request.challenge,
    );
    let mut target = request.redirect_uri;
    target.query_pairs_mut().append_pair("code", &code);
    finish(&world, target, &request.state)
}

impl Authorization {
    fn read(world: &World, parameters: &Parameters) -> Result<Self, Invalid> {
        if let Some(name) = parameters.repeated() {
            return Err(Invalid::Page(format!("The parameter {name} is repeated.")));
        }
        let client_id = parameters.get("client_id").unwrap_or_default();
        if client_id != world.client.id && world.signers.client(client_id).is_none() {
            return Err(Invalid::Page(
                "The client_id is not one registered with this sandbox.".to_owned(),
            ));
        }
        let redirect_uri_text = parameters.get("redirect_uri").unwrap_or_default();
        let redirect_uri = Url::parse(redirect_uri_text)
            .ok()
            .filter(is_registered)
            .ok_or_else(|| {
                Invalid::Page(
                    "The redirect_uri is not an http or https address on this machine.".into(),
                )
            })?;
        let state = parameters.get("state").unwrap_or_default();
        let tell =
            |error| Invalid::Redirect(Box::new(redirect_uri.clone()), error, state.to_owned());
        if parameters.get("response_type") != Some("code") {
            return Err(tell("unsupported_response_type"));
        }
        let challenge = parameters.get("code_challenge").unwrap_or_default();
        let is_s256 = parameters.get("code_challenge_method") == Some("S256")
            && challenge.len() == CHALLENGE_LENGTH
            && challenge
                .bytes()
                .all(|octet| octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'_');
        // PKCE and state are optional in RFC 6749; a client that leaves them out is a client with a
        // hole, and should hear it here.
        if !is_s256
            || state.is_empty()
            || parameters
                .get("response_mode")
                .is_some_and(|mode| mode != "query")
        {
            return Err(tell("invalid_request"));
        }
        let scopes: Vec<&str> = parameters
            .get("scope")
            .unwrap_or_default()
            .split_ascii_whitespace()
            .collect();
        if scopes.is_empty() {
            return Err(tell("invalid_scope"));
        }
        Ok(Self {
            client_id: client_id.to_owned(),
            redirect_uri: redirect_uri.clone(),
            redirect_uri_text: redirect_uri_text.to_owned(),
            scope: scopes.join(" "),
            state: state.to_owned(),
            challenge: challenge.to_owned(),
            login_hint: parameters.get("login_hint").unwrap_or_default().to_owned(),
        })
    }

    /// Scheme, host and port, for a reader.
    fn client_origin(&self) -> String {
        self.redirect_uri.origin().ascii_serialization()
    }
}

/// Registered is any address on this machine: ports change from run to run. A fragment is forbidden
/// by RFC 6749 §3.1.2, a user name has no use but to deceive.
fn is_registered(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
        && is_loopback(url)
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none()
}

fn is_address(text: &str) -> bool {
    let clean = |part: &str| {
        !part.is_empty()
            && !part
                .chars()
                .any(|c| c.is_whitespace() || c.is_control() || "<>@".contains(c))
    };
    text.split_once('@')
        .is_some_and(|(local, domain)| clean(local) && clean(domain))
}

fn consent(world: &World, request: &Authorization, problem: Option<&'static str>) -> Response {
    let mut accounts: Vec<String> = world
        .accounts
        .summaries()
        .into_iter()
        .map(|account| account.address)
        .collect();
    let hint = request.login_hint.to_ascii_lowercase();
    if is_address(&hint) && !accounts.contains(&hint) {
        accounts.insert(0, hint.clone());
    }
    let chosen = if accounts.contains(&hint) {
        hint
    } else {
        accounts.first().cloned().unwrap_or_default()
    };
    let scopes = request.scope.split(' ').collect();
    let page = ConsentPage {
        request,
        scopes,
        accounts,
        chosen,
        problem,
    };
    // Browsers hold redirects behind a form to `form-action` too, so the client's origin is in it.
    let policy = format!(
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self' {}; base-uri 'none'; frame-ancestors 'none'",
        request.client_origin()
    );
    let status = if problem.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    render(&page, status, &policy)
}

fn render(page: &impl Template, status: StatusCode, policy: &str) -> Response {
    let policy = HeaderValue::from_str(policy).unwrap_or(HeaderValue::from_static(
        "default-src 'none'; frame-ancestors 'none'",
    ));
    match page.render() {
        Ok(html) => (
            status,
            [(header::CONTENT_SECURITY_POLICY, policy)],
            Html(html),
        )
            .into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

impl Invalid {
    fn respond(self, world: &World) -> Response {
        match self {
            Self::Page(problem) => {
                let policy = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'";
                render(&RefusedPage { problem }, StatusCode::BAD_REQUEST, policy)
            }
            Self::Redirect(mut target, error, state) => {
                target.query_pairs_mut().append_pair("error", error);
                finish(world, *target, &state)
            }
        }
    }
}

/// Back to the client. 303, so that the browser asks with GET whatever it did before.
fn finish(world: &World, mut target: Url, state: &str) -> Response {
    if !state.is_empty() {
        target.query_pairs_mut().append_pair("state", state);
    }
    target.query_pairs_mut().append_pair("iss", &world.issuer());
    match HeaderValue::from_str(target.as_str()) {
        Ok(location) => (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
