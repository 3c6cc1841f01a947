//! The authorization server: RFC 6749 with PKCE (RFC 7636), metadata (RFC 8414) and issuer
//! identification (RFC 9207).

mod assertion;
mod authenticate;
mod authorize;
mod refusal;
mod service_account;
mod token;

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::Redirect;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::SMTP_SCOPE;
use crate::world::World;

pub(crate) fn router(world: Arc<World>) -> Router {
    Router::new()
        .route(
            "/",
            get(async |State(world): State<Arc<World>>| Redirect::temporary(&world.web_url())),
        )
        .route("/authorize", get(authorize::ask).post(authorize::decide))
        .route("/federated", get(federated))
        .route("/style.css", get(crate::web::assets::style))
        .route("/icon.svg", get(crate::web::assets::icon))
        .route("/token", post(token::token))
        // Not of an authorization server: it is here because this is the side that speaks TLS.
        .route("/hook/{name}", post(crate::hook::take))
        .route("/.well-known/oauth-authorization-server", get(metadata))
        .with_state(world)
}

/// An entrance under another name, which sends people on to the consent page: so do providers with a
/// sign-in host of their own, and companies that sign their people in themselves.
async fn federated(State(world): State<Arc<World>>, RawQuery(query): RawQuery) -> Redirect {
    let issuer = world.issuer();
    Redirect::to(&format!("{issuer}/authorize?{}", query.unwrap_or_default()))
}

async fn metadata(State(world): State<Arc<World>>) -> Json<Value> {
    let issuer = world.issuer();
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": world.token_endpoint(),
        "scopes_supported": [SMTP_SCOPE, "offline_access"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": [
            "authorization_code", "refresh_token", "client_credentials",
            "urn:ietf:params:oauth:grant-type:jwt-bearer",
        ],
        "token_endpoint_auth_methods_supported": [
            "client_secret_post", "client_secret_basic", "private_key_jwt",
        ],
        "token_endpoint_auth_signing_alg_values_supported": ["PS256", "RS256"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
    }))
}
