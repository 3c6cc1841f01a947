//! The platform's counter of requests.

use wasm_bindgen::{JsCast, JsValue};
use worker::{
    Env,
    js_sys::{Object, Reflect, futures::JsFuture},
    worker_sys,
};

use super::env::API_WALL;
use crate::app::ports::RateLimiter;

/// The counter bound as `API_WALL`. Where there is none, or it fails, everybody is let in: what
/// keeps the queues from filling is counted elsewhere.
#[derive(Debug)]
pub(super) struct PlatformWall<'a> {
    pub(super) env: &'a Env,
}

impl RateLimiter for PlatformWall<'_> {
    async fn admits(&self, counted_as: &str) -> bool {
        match self.limit(counted_as).await {
            Ok(Some(success)) => success,
            Ok(None) => true,
            Err(_) => {
                worker::console_warn!(r#"{{"event":"api_wall_failed"}}"#);
                true
            }
        }
    }
}

impl PlatformWall<'_> {
    async fn limit(&self, counted_as: &str) -> Result<Option<bool>, JsValue> {
        let counter = Reflect::get(self.env, &API_WALL.into())?;
        if counter.is_undefined() {
            return Ok(None);
        }
        let counter: worker_sys::RateLimiter = counter.unchecked_into();
        let options = Object::new();
        Reflect::set(&options, &"key".into(), &counted_as.into())?;
        let outcome = JsFuture::from(counter.limit(options)?).await?;
        Ok(Reflect::get(&outcome, &"success".into())?.as_bool())
    }
}
