//! Workers KV as the cache of sealed tokens.

use worker::Env;

use super::env::TOKENS;
use crate::app::ports::TokenCache;

/// The namespace bound as `TOKENS`. Every failure is a miss: the Keeper knows better.
#[derive(Debug)]
pub(super) struct KvCache<'a> {
    pub(super) env: &'a Env,
}

impl TokenCache for KvCache<'_> {
    async fn get(&self, record: &str) -> Option<Vec<u8>> {
        self.env.kv(TOKENS).ok()?.get(record).bytes().await.ok()?
    }

    async fn put(&self, record: &str, value: &[u8], ttl_seconds: u64) {
        let Ok(kv) = self.env.kv(TOKENS) else { return };
        let Ok(put) = kv.put_bytes(record, value) else {
            return;
        };
        if put.expiration_ttl(ttl_seconds).execute().await.is_err() {
            worker::console_warn!(r#"{{"event":"token_cache_write_failed"}}"#);
        }
    }
}
