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
    registry_stub::RegistryStub,
    served::ServedOutboxes,
    signer::PlatformSigner,
    socket::PlatformConnector,
    standing::SqliteStanding,
    stub,
};
use crate::{
    app::{
        ConnectAnswer, ConnectQuestion, Keeper, KeeperAnswer, KeeperRequest, MetadataAnswer,
        ObjectName, Word, enter, is_stopped, obey_as_keeper, ports::StoreFault,
    },
    config::Name,
    limits::{CREDENTIAL_CHECK_EVERY, STORE_RETRY},
    oauth::{Fingerprint, TokenFailure},
    outcome::{Cause, Trouble},
    seal::{Purpose, Sealer},
};

/// Holds one credential's refresh token and asks the provider for access tokens.
#[durable_object(alarm)]
pub struct TokenKeeper {
    env: Env,
    name: Option<String>,
    custody: SqliteCustody,
    flight: Mutex<()>,
    unsaved: RefCell<Option<String>>,
    signer: PlatformSigner,
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
            signer: PlatformSigner::default(),
        }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let path = request.path();
        if let Some(word @ (Word::Stop | Word::Start)) = Word::read(&path) {
            return match obey_as_keeper(word, &self.standing(), &self.custody, &PlatformClock) {
                Ok(()) => Response::ok(""),
                Err(StoreFault) => Response::error("storage", 503),
            };
        }
        if path == "/connect" {
            let question: ConnectQuestion = stub::asked(&mut request).await?;
            return self
                .answer(&question.mailbox, Asked::Connect(&question))
                .await;
        }
        let KeeperRequest { mailbox, refused } = stub::asked(&mut request).await?;
        let asked = match path.as_str() {
            "/disconnect" => Asked::Disconnect,
            "/state" => Asked::State,
            "/metadata" => Asked::Metadata,
            "/token" => Asked::Token(refused.as_ref()),
            _ => return Response::error("not found", 404),
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
    State,
    Metadata,
    Wake,
}

impl Asked<'_> {
    /// The answer while there is no such credential here.
    fn refused(&self, failure: TokenFailure) -> Result<Response> {
        match self {
            Self::Token(_) => Response::from_json(&KeeperAnswer::Failure(failure)),
            Self::Connect(_) => Response::from_json(&ConnectAnswer::refused(failure)),
            Self::Metadata => Response::from_json(&MetadataAnswer::Failure(failure)),
            Self::Disconnect | Self::State | Self::Wake => Response::error("not here", 503),
        }
    }
}

impl TokenKeeper {
    fn standing(&self) -> SqliteStanding<'_> {
        SqliteStanding {
            storage: &self.custody.storage,
        }
    }

    /// Has the Registry know this object before it is used for the first time.
    async fn enter(&self) {
        let Some(name) = &self.name else {
            return;
        };
        let name = ObjectName::keeper(name);
        let registry = RegistryStub { env: &self.env };
        // Asked again the next time.
        let _ = enter(name, &self.standing(), &registry, &PlatformClock).await;
    }

    /// Whether it is to give no token and ask nobody for one.
    fn is_stopped(&self) -> bool {
        is_stopped(&self.standing(), env::config(&self.env).stop.is_some())
    }

    async fn answer(&self, mailbox: &Name, asked: Asked<'_>) -> Result<Response> {
        let config = env::config(&self.env);
        let (Some(mailbox), Some(root_key)) = (config.mailboxes.get(mailbox), &config.root_key)
        else {
            let failure = TokenFailure::new(Cause::Misconfigured, Trouble::Configuration);
            return asked.refused(failure);
        };
        // Or asks somebody for it.
        let gives = matches!(asked, Asked::Token(_) | Asked::Connect(_) | Asked::Metadata);
        if gives || matches!(asked, Asked::Wake) {
            self.enter().await;
        }
        if gives && self.is_stopped() {
            return asked.refused(stopped());
        }
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
            client: config.authentication_of(mailbox),
            signer: &self.signer,
            subject: &mailbox.sender.address,
            bootstrap: mailbox
                .refresh_token
                .as_ref()
                .and_then(|name| config.secret(name)),
            record: &record,
        };
        match asked {
            Asked::Token(refused) => {
                // What the provider has answered meanwhile is kept, and not given out.
                let answer = match keeper.token(refused).await {
                    _ if self.is_stopped() => KeeperAnswer::Failure(stopped()),
                    answer => answer,
                };
                Response::from_json(&answer)
            }
            Asked::Connect(question) => {
                let is_stopped = || self.is_stopped();
                let connected = keeper.connect(question, mailbox, &PlatformConnector, is_stopped);
                Response::from_json(&connected.await)
            }
            Asked::Disconnect => match keeper.disconnect().await {
                Ok(disconnected) => Response::from_json(&disconnected),
                Err(_) => Response::error("storage", 503),
            },
            Asked::Metadata => Response::from_json(&keeper.metadata_answer().await),
            Asked::Wake => {
                let served = ServedOutboxes {
                    env: &self.env,
                    config: &config,
                    keeper: &credential.keeper_name(),
                };
                let is_stopped = || self.is_stopped();
                match keeper
                    .wake(mailbox, &PlatformConnector, &served, is_stopped)
                    .await
                {
                    Ok(()) => Response::ok(""),
                    Err(_) => Response::error("storage", 503),
                }
            }
            Asked::State => match keeper.state() {
                Ok(state) => Response::from_json(&state),
                Err(_) => Response::error("storage", 503),
            },
        }
    }
}

/// Nobody is asked while everything is to stand still, and it is for whoever asks to try again.
fn stopped() -> TokenFailure {
    TokenFailure::new(Cause::Stopped, Trouble::Transient)
}
