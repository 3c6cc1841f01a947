//! Somebody's webhook: takes whatever is posted to it, and remembers it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};

use crate::HOOK_CAPACITY;
use crate::http::text;
use crate::sync::lock;
use crate::world::World;

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookPost {
    /// The last part of the path.
    pub name: String,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// `Authorization`.
    pub authorization: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// What was posted.
#[derive(Debug, Default)]
pub(crate) struct Hooks(Mutex<VecDeque<HookPost>>);

impl Hooks {
    pub(crate) fn of(&self, name: &str) -> Vec<HookPost> {
        let posts = lock(&self.0);
        posts
            .iter()
            .filter(|post| post.name == name)
            .cloned()
            .collect()
    }

    fn keep(&self, post: HookPost) {
        let mut posts = lock(&self.0);
        if posts.len() >= HOOK_CAPACITY {
            posts.pop_front();
        }
        posts.push_back(post);
    }
}

pub(crate) async fn take(
    State(world): State<Arc<World>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    world.hooks.keep(HookPost {
        name,
        content_type: text(&headers, &header::CONTENT_TYPE),
        authorization: text(&headers, &header::AUTHORIZATION),
        body: body.to_vec(),
    });
    StatusCode::NO_CONTENT
}
