//! The TokenKeeper object: one for each credential.

use std::cell::RefCell;

use futures_util::lock::Mutex;
use worker::{DurableObject, Env, Request, Response, Result, State, durable_object};

use super::{
    clock::{PlatformClock, PlatformEntropy},
    custody::SqliteCustody,
    env,
    fetch::PlatformHttp,
    kv::KvCache,
    served::ServedOutboxes,
    socket::PlatformConnector,
    stub,
};
use crate::{
    app::{ConnectAnswer, ConnectQuestion, Keeper, KeeperAnswer, KeeperRequest},
    config::Name,
    limits::{CREDENTIAL_CHECK_EVERY, STORE_RETRY},
    oauth::{Fingerprint, TokenFailure},
    outcome::{Cause, Trouble},
    seal::{Purpose, Sealer},
};

/// Standing one credential's refresh token and asks the provider for access tokens.
#[durable_object(alarm)]
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
        let path = request.path();
        if path == "/connect" {
            let question: ConnectQuestion = stub::asked(&mut request).await?;
            return self
                .answer(&question.mailbox, Asked::Connect(&question))
                .await;
        }
        let KeeperRequest { mailbox, refused } = stub::asked(&mut request).await?;
        let asked = match path.as_str() {
            "/disconnect" => Asked::Disconnect,
            "/standing" => Asked::Standing,
            _ => Asked::Token(refused.as_ref()),
        };
        self.answer(&mailbox, asked).await
    }

    async fn alarm(&self) -> Result<Response> {
        let config = env::config(&self.env);
        let keeper = self.name.as_deref().unwrap_or_default();
        let again_after = match config.served_by(keeper).next() {
            Some((name, _)) => {
                let woken = self.answer(name, Asked::Wake).await;
                // Storage cannot be used. An error would make the platform call again a few times,
                // and then never.
                (!woken.is_ok_and(|answer| answer.status_code() == 200)).then_some(STORE_RETRY)
            }
            // It is not configured here, and may be again.
            None => Some(CREDENTIAL_CHECK_EVERY),
        };
        if let Some(after) = again_after {
            self.custody.storage.set_alarm(after).await?;
        }
        Response::ok("")
    }
}

/// What is asked, by its path.
enum Asked<'a> {
    Token(Option<&'a Fingerprint>),
    Connect(&'a ConnectQuestion),
    Disconnect,
    Standing,
    Wake,
}

impl Asked<'_> {
    /// The answer while there is no such credential here.
    fn refused(&self, failure: TokenFailure) -> Result<Response> {
        match self {
            Self::Token(_) => Response::from_json(&KeeperAnswer::Failure(failure)),
            Self::Connect(_) => Response::from_json(&ConnectAnswer::refused(failure)),
            Self::Disconnect | Self::Standing | Self::Wake => Response::error("not here", 503),
        }
    }
}

impl TokenKeeper {
    async fn answer(&self, mailbox: &Name, asked: Asked<'_>) -> Result<Response> {
        let config = env::config(&self.env);
        let (Some(mailbox), Some(root_key)) = (config.mailboxes.get(mailbox), &config.root_key)
        else {
            let failure = TokenFailure::new(Cause::Misconfigured, Trouble::Configuration);
            return asked.refused(failure);
        };
        let credential = mailbox.credential();
        // During a deploy an Outbox of one version may ask a Keeper of another: it must not be
        // given the token of a credential that is configured differently here.
        if self.name.as_deref() != Some(credential.keeper_name().as_str()) {
            return asked.refused(TokenFailure::unavailable());
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
        match asked {
            Asked::Token(refused) => Response::from_json(&keeper.token(refused).await),
            Asked::Connect(question) => {
                let connected = keeper.connect(question, mailbox, &PlatformConnector);
                Response::from_json(&connected.await)
            }
            Asked::Disconnect => match keeper.disconnect().await {
                Ok(disconnected) => Response::from_json(&disconnected),
                Err(_) => Response::error("storage", 503),
            },
            Asked::Wake => {
                let served = ServedOutboxes {
                    env: &self.env,
                    config: &config,
                    keeper: &credential.keeper_name(),
                };
                match keeper.wake(mailbox, &PlatformConnector, &served).await {
                    Ok(()) => Response::ok(""),
                    Err(_) => Response::error("storage", 503),
                }
            }
            Asked::Standing => match keeper.standing() {
                Ok(standing) => Response::from_json(&standing),
                Err(_) => Response::error("storage", 503),
            },
        }
    }
}
