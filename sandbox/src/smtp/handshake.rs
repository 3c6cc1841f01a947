//! The handshake of TLS, in order and out of it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::rustls::server::Acceptor;

use super::connection::Connection;
use super::end::End;
use super::garbage::{self, Spoiled};
use super::old_tls;
use super::plan::Turn;
use super::record::Ending;
use super::script::Step;
use super::wire::Stream;
use crate::inbox::TlsFacts;

/// How long a handshake may take: as long as a command (RFC 5321 §4.5.3.2.7), so that a client which
/// waits for a greeting meanwhile is the first to give up.
const HANDSHAKE: Duration = Duration::from_secs(300);

impl Connection {
    pub(super) async fn handshake(&mut self) -> Result<(), End> {
        let Stream::Plain(tap) = self.wire.begin_handshake(&self.plan) else {
            return Err(End::Client(Ending::TlsFailed));
        };
        let hello = LazyConfigAcceptor::new(Acceptor::default(), tap);
        let hello = match within(hello).await {
            Ok(hello) => hello,
            Err(error) => return self.fail(TlsFacts::default(), error),
        };
        let facts = TlsFacts {
            sni: hello.client_hello().server_name().map(ToOwned::to_owned),
            ..TlsFacts::default()
        };
        let turn = self.plan.reach(Step::Handshake);
        if let Some(instead) = self.instead_of_hello(&turn) {
            self.spoil_handshake(&turn, &facts, instead).await?;
        }
        if turn.stall || turn.drop_before.is_some() {
            let error = Some("the script leaves the hello unanswered".to_owned());
            let facts = TlsFacts {
                error,
                ..facts.clone()
            };
            self.record(|record| record.tls = Some(facts));
        }
        self.hold_back(&turn).await?;
        let config = match self.plan.bad_certificate() {
            Some(which) => self.world.certificates.bad(which),
            None => &self.world.certificates.good,
        };
        let config = Arc::clone(config);
        match within(hello.into_stream(config)).await {
            Ok(stream) => {
                let version = stream.get_ref().1.protocol_version();
                let facts = TlsFacts {
                    version: version.map(|version| format!("{version:?}")),
                    ..facts
                };
                self.note(&format!("handshake done, {}", facts.version_words()));
                self.record(|record| record.tls = Some(facts));
                self.wire.put(Stream::Tls(Box::new(stream)));
                // RFC 3207 §4.2: "The server MUST discard any knowledge obtained from the client".
                self.greeted = false;
                self.advertised.clear();
                self.transaction = None;
                self.needs_reset = false;
            }
            Err(error) => return self.fail(facts, error),
        }
        match turn.drop_after {
            Some(how) => {
                self.note("breaks off after the handshake");
                Err(End::Broken(how))
            }
            None => Ok(()),
        }
    }

    /// What is sent where the server's hello belongs, if it is no hello.
    fn instead_of_hello(&self, turn: &Turn) -> Option<Spoiled> {
        if let Some((version, answer)) = self.plan.old_tls() {
            return Some(Spoiled::Octets(old_tls::answer(version, answer)));
        }
        match (&turn.garbage, &turn.reply) {
            (Some(garbage), text) => Some(garbage::spoil(
                garbage,
                text.as_deref().unwrap_or("220 localhost ESMTP"),
            )),
            (None, Some(text)) => Some(Spoiled::Octets(format!("{text}\r\n").into_bytes())),
            (None, None) => None,
        }
    }

    /// Always an end, because what was begun cannot go on.
    async fn spoil_handshake(
        &mut self,
        turn: &Turn,
        facts: &TlsFacts,
        instead: Spoiled,
    ) -> Result<(), End> {
        let facts = TlsFacts {
            error: Some("the script answers the hello with something else".to_owned()),
            ..facts.clone()
        };
        self.record(|record| record.tls = Some(facts));
        self.hold_back(turn).await?;
        self.note("answers the hello with something else");
        match instead {
            Spoiled::Octets(octets) => self.wire.send_raw(&octets).await?,
            Spoiled::Endless(portion) => loop {
                self.wire.send_raw(&portion).await?;
            },
        }
        if let Some(how) = turn.drop_after {
            return Err(End::Broken(how));
        }
        self.wire.until_gone().await;
        Err(End::Client(Ending::TlsFailed))
    }

    fn fail(&self, facts: TlsFacts, error: String) -> Result<(), End> {
        self.note(&format!("TLS failed: {error}"));
        let facts = TlsFacts {
            error: Some(error),
            ..facts
        };
        self.record(|record| record.tls = Some(facts));
        Err(match self.wire.cut() {
            Some(how) => End::Cut(how),
            None => End::Client(Ending::TlsFailed),
        })
    }
}

/// The outcome of a part of the handshake, or in words why there is none.
async fn within<T>(part: impl Future<Output = std::io::Result<T>>) -> Result<T, String> {
    match timeout(HANDSHAKE, part).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no handshake within {} s", HANDSHAKE.as_secs())),
    }
}
