//! The TokenKeeper object: one for each credential.

use futures_util::lock::Mutex;
use worker::{
    DurableObject, Env, Request, Response, Result, SqlStorageValue, State, Storage, durable_object,
};

use super::{
    clock::{PlatformClock, PlatformEntropy},
    env,
    fetch::PlatformHttp,
    kv::KvCache,
};
use crate::{
    app::{
        Keeper, KeeperRequest,
        ports::{StoreFault, TokenCustody},
    },
    oauth::Credential,
    seal::{Purpose, Sealer},
};

/// Holds one credential's refresh token and asks the provider for access tokens.
#[durable_object(fetch)]
pub struct TokenKeeper {
    env: Env,
    name: Option<String>,
    custody: SqliteCustody,
    flight: Mutex<()>,
}

impl DurableObject for TokenKeeper {
    fn new(state: State, env: Env) -> Self {
        let custody = SqliteCustody {
            storage: state.storage(),
        };
        Self {
            env,
            name: state.id().name(),
            custody,
            flight: Mutex::new(()),
        }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let question: KeeperRequest = request.json().await?;
        let config = env::config(&self.env);
        let (Some(mailbox), Some(root_key)) =
            (config.mailboxes.get(&question.mailbox), &config.root_key)
        else {
            return Response::error("misconfigured", 503);
        };
        let credential = Credential::grant(
            &mailbox.provider,
            &mailbox.client_id,
            &mailbox.sender.address,
        );
        // During a deploy an Outbox of one version may ask a Keeper of another: it must not be
        // given the token of a credential that is configured differently here.
        if self.name.as_deref() != Some(credential.keeper_name().as_str()) {
            return Response::error("another credential", 409);
        }
        let record = credential.cache_record();
        let sealer = Sealer::new(root_key, config.previous_root_key.as_ref(), Purpose::Seal);
        let keeper = Keeper {
            custody: &self.custody,
            http: &PlatformHttp,
            cache: &KvCache { env: &self.env },
            clock: &PlatformClock,
            entropy: &PlatformEntropy,
            sealer: &sealer,
            flight: &self.flight,
            provider: &mailbox.provider,
            client_id: &mailbox.client_id,
            client_secret: mailbox
                .client_secret
                .as_ref()
                .and_then(|name| config.secret(name)),
            bootstrap: mailbox
                .refresh_token
                .as_ref()
                .and_then(|name| config.secret(name)),
            record: &record,
        };
        Response::from_json(&keeper.token(question.refused.as_ref()).await)
    }
}

/// One row in the object's SQLite.
struct SqliteCustody {
    storage: Storage,
}

impl SqliteCustody {
    fn exec(
        &self,
        query: &str,
        values: Vec<SqlStorageValue>,
    ) -> std::result::Result<Option<String>, StoreFault> {
        let cursor = self
            .storage
            .sql()
            .exec(query, values)
            .map_err(|_| StoreFault)?;
        match cursor.raw().next() {
            Some(Ok(row)) => match row.into_iter().next() {
                Some(SqlStorageValue::String(text)) => Ok(Some(text)),
                _ => Err(StoreFault),
            },
            Some(Err(_)) => Err(StoreFault),
            None => Ok(None),
        }
    }

    fn prepare(&self) -> std::result::Result<(), StoreFault> {
        let table = "CREATE TABLE IF NOT EXISTS credential (only INTEGER PRIMARY KEY, record TEXT NOT NULL)";
        self.exec(table, vec![]).map(drop)
    }
}

impl TokenCustody for SqliteCustody {
    fn load(&self) -> std::result::Result<Option<String>, StoreFault> {
        self.prepare()?;
        self.exec("SELECT record FROM credential WHERE only = 1", vec![])
    }

    fn store(&self, record: &str) -> std::result::Result<(), StoreFault> {
        self.prepare()?;
        let query = "INSERT OR REPLACE INTO credential (only, record) VALUES (1, ?)";
        self.exec(query, vec![record.into()]).map(drop)
    }
}
