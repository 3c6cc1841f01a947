//! The TokenKeeper object: one for each credential.

use std::cell::RefCell;

use futures_util::lock::Mutex;
use worker::{DurableObject, Env, Request, Response, Result, State, Storage, durable_object};

use super::{
    clock::{PlatformClock, PlatformEntropy},
    env,
    fetch::PlatformHttp,
    kv::KvCache,
    sql::{exec, first_text},
    stub,
};
use crate::{
    app::{
        Keeper, KeeperAnswer, KeeperRequest,
        ports::{StoreFault, TokenCustody},
    },
    oauth::TokenFailure,
    outcome::{Cause, Trouble},
    seal::{Purpose, Sealer},
};

/// Holds one credential's refresh token and asks the provider for access tokens.
#[durable_object(fetch)]
pub struct TokenKeeper {
    env: Env,
    name: Option<String>,
    custody: SqliteCustody,
    flight: Mutex<()>,
    unsaved: RefCell<Option<String>>,
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
            unsaved: RefCell::default(),
        }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let question: KeeperRequest = stub::asked(&mut request).await?;
        let config = env::config(&self.env);
        let (Some(mailbox), Some(root_key)) =
            (config.mailboxes.get(&question.mailbox), &config.root_key)
        else {
            let failure = TokenFailure::new(Cause::Misconfigured, Trouble::Configuration);
            return Response::from_json(&KeeperAnswer::Failure(failure));
        };
        let credential = mailbox.credential();
        // During a deploy an Outbox of one version may ask a Keeper of another: it must not be
        // given the token of a credential that is configured differently here.
        if self.name.as_deref() != Some(credential.keeper_name().as_str()) {
            return Response::from_json(&KeeperAnswer::Failure(TokenFailure::unavailable()));
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
            unsaved: &self.unsaved,
            provider: &mailbox.provider,
            right: mailbox.right,
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

impl TokenCustody for SqliteCustody {
    fn load(&self) -> std::result::Result<Option<String>, StoreFault> {
        let query = "CREATE TABLE IF NOT EXISTS credential (only INTEGER PRIMARY KEY, record TEXT NOT NULL);
            SELECT record FROM credential WHERE only = 1";
        Ok(first_text(exec(&self.storage, query, vec![])?))
    }

    /// Behind [`Self::load`], which sees to the table.
    fn store(&self, record: &str) -> std::result::Result<(), StoreFault> {
        let query = "INSERT OR REPLACE INTO credential (only, record) VALUES (1, ?)";
        exec(&self.storage, query, vec![record.into()]).map(drop)
    }
}
