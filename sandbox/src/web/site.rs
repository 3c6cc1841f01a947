//! A small shop's page with a contact form: plain HTML, no script, as a shop would have it.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use crate::sync::lock;
use crate::world::World;

/// The form posts to another origin and is redirected from there, which browsers check too.
const SITE_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; \
    form-action http: https:; base-uri 'none'; frame-ancestors 'none'";

#[derive(Template)]
#[template(path = "site.html")]
struct SitePage {
    form_action: String,
}

pub(super) async fn page(State(world): State<Arc<World>>) -> Response {
    let site = lock(&world.site).clone();
    match site {
        Some(site) if is_web(&site.form_action) => super::show_with(
            &SitePage {
                form_action: site.form_action,
            },
            SITE_POLICY,
        ),
        Some(_) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "form_action must be an http or https URL\n",
        )
            .into_response(),
        None => (
            StatusCode::NOT_FOUND,
            "this sandbox was started without its sample site\n",
        )
            .into_response(),
    }
}

fn is_web(action: &str) -> bool {
    url::Url::parse(action).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}
