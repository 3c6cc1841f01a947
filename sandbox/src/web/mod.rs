//! The inbox for people, the JSON API for programs, and the sample shop. Plain HTTP on loopback.

mod api;
mod api_control;
pub(crate) mod assets;
mod connections;
mod fault_form;
mod faults;
mod inbox;
mod mail;
mod message;
mod site;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::{get, post};

use crate::world::World;

pub(crate) fn router(world: Arc<World>) -> Router {
    let api = Router::new()
        .route("/revision", get(api::revision))
        .route("/messages", get(api::messages).delete(api::clear))
        .route("/messages/{id}", get(api::message))
        .route("/messages/{id}/raw", get(api::raw))
        .route("/connections", get(api::connections))
        .route(
            "/accounts",
            get(api_control::accounts).post(api_control::add_account),
        )
        .route("/accounts/{address}/grant", post(api_control::grant))
        .route("/accounts/{address}/revoke", post(api_control::revoke))
        .route("/accounts/{address}/expire", post(api_control::expire))
        .route("/accounts/{address}/refuse", post(api_control::refuse))
        .route(
            "/accounts/{address}/token-faults",
            post(api_control::token_faults),
        )
        .route(
            "/listeners",
            get(api_control::listeners).post(api_control::open_listener),
        )
        .route(
            "/listeners/{port}/script",
            post(api_control::script_listener),
        )
        .route("/listeners/{port}/close", post(api_control::close_listener))
        .route(
            "/listeners/{port}/reopen",
            post(api_control::reopen_listener),
        );
    Router::new()
        .route("/", get(inbox::page))
        .route("/clear", post(inbox::clear))
        .route("/messages/{id}", get(message::page))
        .route("/messages/{id}/html", get(message::html))
        .route("/messages/{id}/raw", get(api::raw))
        .route(
            "/messages/{id}/attachments/{index}",
            get(message::attachment),
        )
        .route("/connections", get(connections::page))
        .route("/faults", get(faults::page).post(faults::change))
        .route("/faults/clear", post(faults::clear))
        .route("/style.css", get(assets::style))
        .route("/icon.svg", get(assets::icon))
        .route("/page.js", get(assets::script))
        .route("/site/", get(site::page))
        .route("/site/style.css", get(assets::site_style))
        .nest("/api", api)
        .fallback(async || (StatusCode::NOT_FOUND, "nothing here\n"))
        .with_state(world)
}

/// The sandbox's own pages: nothing from elsewhere, scripts and styles from files.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; \
    frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

fn show(page: &impl Template) -> Response {
    show_with(page, PAGE_POLICY)
}

fn show_with(page: &impl Template, policy: &'static str) -> Response {
    match page.render() {
        Ok(html) => (
            [(
                header::CONTENT_SECURITY_POLICY,
                HeaderValue::from_static(policy),
            )],
            Html(html),
        )
            .into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn not_found() -> Response {
    (
        StatusCode::NOT_FOUND,
        "no such message; the inbox keeps the newest 1,000\n",
    )
        .into_response()
}
